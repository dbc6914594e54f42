"""The manifests: that Kubernetes takes them, and that their numbers and names agree."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, TypeAlias

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml

from listen_server.credentials import CredentialStore
from listen_server.server.options import ServerOptions
from listen_server.settings import load_settings

Manifest: TypeAlias = dict[str, Any]

VERSIONS = [f"1.{minor}" for minor in range(30, 38)]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(manifests: list[Manifest], version: str) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_would_be_noticed(manifests: list[Manifest]) -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifests[0], "specs": {}}, VERSIONS[0], strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kustomize comes with kubectl")
def test_kustomize_renders_what_these_tests_read(deploy: Path, manifests: list[Manifest]) -> None:
    command = ["kubectl", "kustomize", str(deploy / "kubernetes")]
    rendered = subprocess.run(command, check=True, capture_output=True).stdout

    assert _sorted(yaml.safe_load_all(rendered)) == _sorted(manifests)


def test_every_manifest_is_applied(deploy: Path) -> None:
    kustomization = yaml.safe_load((deploy / "kubernetes/kustomization.yaml").read_text())
    files = {file.name for file in (deploy / "kubernetes").iterdir()}

    assert {*kustomization["resources"], "kustomization.yaml"} == files


def test_everything_lives_in_the_namespace_that_is_made_for_it(manifests: list[Manifest]) -> None:
    (namespace,) = [one for one in manifests if one["kind"] == "Namespace"]

    homes = {one["metadata"]["namespace"] for one in manifests if one is not namespace}

    assert homes == {namespace["metadata"]["name"]}


# The settings


@pytest.fixture
def settings_file(cluster_toml: str, tmp_path: Path) -> Path:
    file = tmp_path / "listen-server.toml"
    file.write_text(cluster_toml)
    return file


def test_the_server_takes_its_settings(settings_file: Path) -> None:
    load_settings(settings_file)


def test_the_pod_may_take_longer_to_stop_than_its_calls(pod: Manifest, settings_file: Path) -> None:
    settings = load_settings(settings_file)
    grace = pod["terminationGracePeriodSeconds"]
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert grace == settings.drain_deadline + 60
    assert before + settings.drain_deadline + ServerOptions().finish_timeout < grace


def test_no_call_may_last_longer_than_a_drain(settings_file: Path) -> None:
    settings = load_settings(settings_file)

    assert all(route.max_duration <= settings.drain_deadline for route in settings.routes.values())


def test_the_ports_are_those_of_the_settings(receiver: Manifest, settings_file: Path) -> None:
    settings = load_settings(settings_file)

    ports = {port["name"]: port["containerPort"] for port in receiver["ports"]}

    assert ports == {"audio": settings.port, "admin": settings.admin_port}


def test_probes_ask_the_admin_port(receiver: Manifest) -> None:
    asked = {
        probe: (receiver[probe]["httpGet"]["port"], receiver[probe]["httpGet"]["path"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert asked == {
        "startupProbe": ("admin", "/livez"),
        "livenessProbe": ("admin", "/livez"),
        "readinessProbe": ("admin", "/readyz"),
    }


def test_calls_reach_the_audio_port_and_nothing_else_does(manifests: list[Manifest]) -> None:
    (service,) = [one for one in manifests if one["kind"] == "Service"]

    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["audio"]


def test_what_the_server_keeps_is_on_the_volume(
    manifests: list[Manifest], pod: Manifest, settings_file: Path
) -> None:
    (workload,) = [one for one in manifests if one["kind"] == "StatefulSet"]
    claims = {claim["metadata"]["name"] for claim in workload["spec"]["volumeClaimTemplates"]}
    data_dir = str(load_settings(settings_file).data_dir)

    for container in (*pod["initContainers"], *pod["containers"]):
        homes = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert homes[data_dir] in claims


def test_the_settings_are_where_the_server_looks_for_them(
    manifests: list[Manifest], pod: Manifest
) -> None:
    (config,) = [one for one in manifests if one["kind"] == "ConfigMap"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}

    for container in (*pod["initContainers"], *pod["containers"]):
        environment = {one["name"]: one["value"] for one in container["env"]}
        file = Path(environment["LISTEN_CONFIG"])
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volume = volumes[mounts[str(file.parent)]]
        assert volume["configMap"]["name"] == config["metadata"]["name"]
        assert file.name in config["data"]


# How it behaves


def test_one_receiver_has_one_volume_and_restarts_when_somebody_says_so(
    manifests: list[Manifest],
) -> None:
    (workload,) = [one for one in manifests if one["kind"] == "StatefulSet"]

    assert workload["spec"]["replicas"] == 1
    assert workload["spec"]["updateStrategy"] == {"type": "OnDelete"}


def test_what_selects_the_pod_selects_it(manifests: list[Manifest]) -> None:
    (workload,) = [one for one in manifests if one["kind"] == "StatefulSet"]
    labels = workload["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        workload["spec"]["selector"]["matchLabels"],
        *(one["spec"]["selector"] for one in manifests if one["kind"] == "Service"),
        *(
            one["spec"]["selector"]["matchLabels"]
            for one in manifests
            if one["kind"] == "PodDisruptionBudget"
        ),
        *(
            one["spec"]["podSelector"]["matchLabels"]
            for one in manifests
            if one["kind"] == "NetworkPolicy" and one["spec"]["podSelector"]
        ),
    ]

    assert len(selectors) == 4
    assert all(selector.items() <= labels for selector in selectors)


def test_the_network_is_shut_but_for_calls_and_metrics(
    manifests: list[Manifest], receiver: Manifest
) -> None:
    policies = [one["spec"] for one in manifests if one["kind"] == "NetworkPolicy"]
    allowed = [rule for policy in policies for rule in policy.get("ingress", [])]

    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies
    assert not any("egress" in policy for policy in policies)
    assert all(rule["from"] for rule in allowed)
    assert {port["port"] for rule in allowed for port in rule["ports"]} == {
        port["name"] for port in receiver["ports"]
    }


def test_a_reader_is_never_throttled(pod: Manifest) -> None:
    for container in (*pod["initContainers"], *pod["containers"]):
        resources = container["resources"]
        assert "cpu" not in resources["limits"]
        assert {"cpu", "memory", "ephemeral-storage"} == resources["requests"].keys()
        assert {"memory", "ephemeral-storage"} == resources["limits"].keys()


def test_the_image_is_of_this_version(deploy: Path, receiver: Manifest) -> None:
    project = tomllib.loads((deploy.parent / "pyproject.toml").read_text())["project"]

    assert receiver["image"] == f"{project['name']}:{project['version']}"


def test_the_pod_waits_for_its_first_credential(
    pod: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    monkeypatch.setenv("LISTEN_CONFIG", str(tmp_path / "listen-server.toml"))
    (tmp_path / "listen-server.toml").write_text(f"data_dir = {json.dumps(str(data_dir))}\n")
    (container,) = pod["initContainers"]
    command = [sys.executable, *container["command"][1:]]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout
        told = waiting.stdout.readline()
        still_there = waiting.poll() is None
        CredentialStore(data_dir).add("acme")
        status = waiting.wait(30)

    assert "credentials add" in told
    assert still_there
    assert status == 0
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == ""


def _sorted(manifests: Any) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in manifests)
