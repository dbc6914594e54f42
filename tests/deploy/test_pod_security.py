"""The restricted Pod Security Standard of Kubernetes, rule by rule, and what we add to it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import copy
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

Manifest: TypeAlias = dict[str, Any]

SAFE_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(pod: Manifest) -> Iterator[str]:
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
    for volume in pod.get("volumes", []):
        if not volume.keys() - {"name"} <= SAFE_VOLUMES:
            yield f"volume {volume['name']}"
    if pod["securityContext"].get("sysctls"):
        yield "sysctls"
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        yield from _of_container(container, pod["securityContext"])


def _of_container(container: Manifest, of_pod: Manifest) -> Iterator[str]:
    own = {**of_pod, **container.get("securityContext", {})}
    capabilities = own.get("capabilities", {})
    rules = {
        "privileged": not own.get("privileged"),
        "escalation": own.get("allowPrivilegeEscalation") is False,
        "capabilities dropped": capabilities.get("drop") == ["ALL"],
        "capabilities added": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "non-root": own.get("runAsNonRoot") is True and own.get("runAsUser") != 0,
        "seccomp": own.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
        "proc mount": own.get("procMount", "Default") == "Default",
        "host ports": not any(port.get("hostPort") for port in container.get("ports", [])),
    }
    yield from (f"{container['name']}: {rule}" for rule, kept in rules.items() if not kept)


def test_the_pod_keeps_the_restricted_standard(pod: Manifest) -> None:
    assert list(violations(pod)) == []


@pytest.mark.parametrize("wall", ["allowPrivilegeEscalation", "capabilities"])
@pytest.mark.parametrize("kind", ["initContainers", "containers"])
def test_a_wall_taken_from_a_container_is_missed(pod: Manifest, kind: str, wall: str) -> None:
    weaker = copy.deepcopy(pod)
    del weaker[kind][0]["securityContext"][wall]

    assert list(violations(weaker))


@pytest.mark.parametrize("wall", ["runAsNonRoot", "seccompProfile"])
def test_a_wall_taken_from_the_pod_is_missed(pod: Manifest, wall: str) -> None:
    weaker = copy.deepcopy(pod)
    del weaker["securityContext"][wall]

    assert list(violations(weaker))


def test_the_namespace_enforces_the_standard(manifests: list[Manifest]) -> None:
    (namespace,) = [one for one in manifests if one["kind"] == "Namespace"]

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_root_is_read_only(pod: Manifest) -> None:
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_pod_gets_no_token_and_no_service_variables(
    manifests: list[Manifest], pod: Manifest
) -> None:
    (account,) = [one for one in manifests if one["kind"] == "ServiceAccount"]

    assert account["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
