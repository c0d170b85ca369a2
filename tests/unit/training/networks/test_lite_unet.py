"""The U-Net on an EfficientNet-Lite: what it gives, what it can be exported as, and how fast each part learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from imaging.preprocess import fit
from tests.factories.datasets import write_breast
from training.datasets import breast
from training.fitting import loop
from training.fitting.pipeline import Trained
from training.fitting.predict import predict
from training.networks import OUTLINES
from training.networks.lite_unet import LiteUNet
from training.networks.own_head import OwnHead
from training.networks.two_questions import TwoQuestions
from training.preparation import recipe as recipes

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def network() -> LiteUNet:
    torch.manual_seed(0)
    built = OUTLINES["lite-unet"](recipes.read("unet-lite0", quick=True)["segmentation"])
    assert isinstance(built, LiteUNet)
    return built.eval()


def test_the_mask_has_the_pictures_size_and_its_own_head_weighs_the_classes(network: LiteUNet) -> None:
    pixels = torch.rand(2, 1, 96, 64)
    with torch.inference_mode():
        mask_logits, class_logits = network(pixels)
        seen = torch.cat([pixels, torch.zeros(2, 2, 96, 64)], dim=1)
        judge = OwnHead(network)
        assert torch.allclose(judge(seen), class_logits, atol=1e-5)
        assert torch.equal(judge.head(judge.embed(seen)), judge(seen))
    assert mask_logits.shape == (2, 1, 96, 64)
    assert torch.allclose(class_logits.exp().sum(dim=1), torch.ones(2), atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Constant folding:UserWarning")
def test_as_onnx_it_is_made_of_what_every_engine_knows_and_answers_the_same(network: LiteUNet, tmp_path: Path) -> None:
    path, pixels = tmp_path / "unet.onnx", torch.rand(2, 1, 64, 64)
    torch.onnx.export(network, (pixels,), str(path), input_names=["picture"], opset_version=18, dynamo=False)
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert not kinds & {"HardSigmoid", "GlobalAveragePool", "Log", "Erf", "Loop", "If"}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(pixels)
    for own, served in zip(expected, session.run(None, {"picture": pixels.numpy()}), strict=True):
        np.testing.assert_allclose(served, own.numpy(), atol=1e-3, rtol=1e-3)


def test_the_evidence_for_a_class_is_what_its_logit_grows_with() -> None:
    head, features = TwoQuestions(5), torch.randn(1, 5)
    for index, direction in enumerate(head.evidence):
        before, after = head(features)[0], head(features + 0.1 * direction)[0]
        assert after[index] > before[index]


def test_answers_that_are_certain_stay_finite() -> None:
    head = TwoQuestions(1)
    for question in (head.abnormal, head.malignant):
        torch.nn.init.constant_(question.weight, 1.0)
        torch.nn.init.zeros_(question.bias)
    logits = head(torch.tensor([[500.0], [-500.0]]))
    assert torch.isfinite(logits).all()
    assert logits.argmax(dim=1).tolist() == [1, 2]


def test_the_encoder_learns_at_a_rate_of_its_own(network: LiteUNet) -> None:
    part = recipes.read("unet-lite0")["segmentation"]
    encoder, rest = loop._parameter_groups(network, part)
    assert (encoder["lr"], rest["lr"]) == (part["encoder_learning_rate"], part["learning_rate"])
    assert {id(own) for own in encoder["params"]} == {id(own) for own in network.encoder.parameters()}
    assert len(encoder["params"]) + len(rest["params"]) == len(list(network.parameters()))


def test_the_head_judges_in_the_pass_that_outlines_and_its_vote_counts_once(network: LiteUNet, tmp_path: Path) -> None:
    samples = [sample for sample in breast.read(write_breast(tmp_path, patients=3)) if sample.masks]
    recipe = recipes.read("unet-lite0", quick=True)
    with torch.inference_mode():
        found = predict(Trained(network, OwnHead(network), 64, 64, ()), recipe, samples, has_distances=False)
        squares = np.stack([fit(sample.pixels(), 64)[0] for sample in samples])
        expected = network.embed(torch.from_numpy(squares)[:, None].float() / 255)
        logits = network.class_head(expected)
    np.testing.assert_allclose(found.embeddings, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(found.logits, logits.numpy(), atol=1e-4)
    assert not found.unet_logits.any()
    assert np.isnan(found.hausdorff_px).all()
    assert np.isfinite(found.dice).all()
