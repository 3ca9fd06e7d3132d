"""The MQTT bridge: pods whose names stay, as their sessions at the broker are named after them, and the broker's credentials as files."""

import pytest

from rendering import HelmError, at, merged, render

BRIDGE = merged(at("mqttBridge.enabled", True), at("mqttBridge.url", "mqtts://meters@mosquitto.iot"))
NAME = "r-energy-pipeline-mqtt-bridge"


def container(values):
    [workload] = [found for found in render(values).all("StatefulSet") if found["metadata"]["name"] == NAME]
    return workload["spec"]["template"]["spec"]["containers"][0], workload


def variables(values):
    return {variable["name"]: variable["value"] for variable in container(values)[0]["env"]}


def test_without_a_broker_there_is_no_bridge():
    assert not [found for found in render({}).objects if "mqtt" in found["metadata"]["name"]]


def test_its_pods_keep_their_names_and_have_a_port_for_probes():
    bridge, workload = container(BRIDGE)
    assert workload["kind"] == "StatefulSet" and workload["spec"]["podManagementPolicy"] == "Parallel"
    assert bridge["args"] == ["mqtt-bridge"]
    assert variables(BRIDGE)["METRICS_PORT"] == str(bridge["ports"][0]["containerPort"])
    assert bridge["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": bridge["ports"][0]["name"]}


def test_password_and_certificates_are_files_of_secrets():
    secrets = merged(BRIDGE, at("mqttBridge.auth.existingSecret", "broker"), at("mqttBridge.tls", {"existingSecret": "tls", "clientCertificate": True}))
    found, (bridge, workload) = variables(secrets), container(secrets)
    for variable in ("MQTT_PASSWORD_FILE", "MQTT_TLS_CA_FILE", "MQTT_TLS_CERT_FILE", "MQTT_TLS_KEY_FILE"):
        assert any(found[variable].startswith(f"{mount['mountPath']}/") for mount in bridge["volumeMounts"]), variable
    names = {volume["secret"]["secretName"] for volume in workload["spec"]["template"]["spec"]["volumes"] if "secret" in volume}
    assert {"broker", "tls"} <= names


def test_mappings_are_a_file_of_a_config_map():
    text = "description = 'ours'\n"
    release = render(merged(BRIDGE, at("mqttBridge.map", text)))
    [config] = [found for found in release.all("ConfigMap") if found["metadata"]["name"] == f"{NAME}-map"]
    assert config["data"] == {"map.toml": text}
    assert variables(merged(BRIDGE, at("mqttBridge.map", text)))["MQTT_MAP"].endswith("/map.toml")


@pytest.mark.parametrize(("url", "port"), [("mqtt://broker", 1883), ("mqtts://broker", 8883), ("mqtt://user@broker:1884", 1884)])
def test_a_policy_permits_the_way_to_the_broker_and_to_redis_only(url, port):
    values = merged(BRIDGE, at("mqttBridge.url", url), at("networkPolicy.enabled", True))
    [policy] = [found for found in render(values).all("NetworkPolicy") if found["metadata"]["name"] == NAME]
    ports = {rule["port"] for egress in policy["spec"]["egress"] for rule in egress["ports"]}
    assert ports == {53, port, 6379}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (at("mqttBridge.enabled", True), "needs mqttBridge.url"),
        (merged(BRIDGE, at("mqttBridge.replicaCount", 2)), "needs mqttBridge.sharedGroup"),
        (merged(BRIDGE, at("mqttBridge.url", "mqtt://b"), at("mqttBridge.tls.existingSecret", "t")), "begins with mqtts://"),
    ],
)
def test_values_that_contradict_each_other_are_rejected(values, told):
    with pytest.raises(HelmError, match=told):
        render(values)
