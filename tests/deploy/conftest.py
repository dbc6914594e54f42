"""What stands in deploy/, read once. The tests beside this file say what must hold."""

import copy
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

Manifest: TypeAlias = dict[str, Any]

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="session")
def deploy() -> Path:
    return DEPLOY


@pytest.fixture(scope="session")
def manifests() -> list[Manifest]:
    """What `kubectl apply -k` would send: the resources, with the images it renames."""
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    rendered = [
        copy.deepcopy(document)  # anchors make containers share values
        for file in kustomization["resources"]
        for document in yaml.safe_load_all((DEPLOY / "kubernetes" / file).read_text())
    ]
    images = {one["name"]: f"{one['newName']}:{one['newTag']}" for one in kustomization["images"]}
    for manifest in rendered:
        for container in containers_of(manifest):
            container["image"] = images.get(container["image"], container["image"])
    return rendered


def containers_of(manifest: Manifest) -> list[Manifest]:
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


@pytest.fixture(scope="session")
def pod(manifests: list[Manifest]) -> Manifest:
    (workload,) = [one for one in manifests if one["kind"] == "StatefulSet"]
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="session")
def receiver(pod: Manifest) -> Manifest:
    (container,) = pod["containers"]
    found: Manifest = container
    return found


@pytest.fixture(scope="session")
def cluster_toml(manifests: list[Manifest]) -> str:
    (config,) = [one for one in manifests if one["kind"] == "ConfigMap"]
    text: str = config["data"]["listen-server.toml"]
    tomllib.loads(text)
    return text


@pytest.fixture(scope="session")
def compose() -> Manifest:
    document: Manifest = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document
