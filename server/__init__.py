"""What serves the product: gunicorn, nginx in front of it, and what both need before the application exists.

Nothing here imports `app`: gunicorn's first process would load onnxruntime before it forks, and the serving process
would then abort when it ends.
"""
