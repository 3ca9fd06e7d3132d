"""The arithmetic of the autoscaler, by its documentation: tests of the tests."""

import pytest

from keda import Autoscaler, wanted


@pytest.mark.parametrize(
    ("total", "replicas", "pods"),
    [(5, 1, 1), (6, 1, 2), (12, 1, 3), (14, 3, 3), (16, 3, 3), (17, 3, 4), (4, 3, 1), (0, 3, 0)],
)
def test_a_metric_determines_the_number_of_pods(total, replicas, pods):
    assert wanted(total, 5, replicas) == pods


SCALED = {
    "spec": {
        "minReplicaCount": 1,
        "maxReplicaCount": 3,
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 120, "policies": [{"value": 1, "periodSeconds": 60}]}}
            }
        },
    }
}


def test_the_highest_number_wins_and_the_maximum_is_not_exceeded():
    scaler = Autoscaler(SCALED)
    assert scaler.decide({"pending": (1, 5), "lag": (120, 50)}, 1, 0) == 3
    assert scaler.decide({"pending": (500, 5), "lag": (0, 50)}, 1, 0) == 3


def test_scaling_down_waits_and_then_removes_one_pod_at_a_time():
    scaler = Autoscaler(SCALED)
    assert scaler.decide({"pending": (20, 5)}, 3, 0) == 3
    replicas, seen = 3, []
    for now in range(15, 300, 15):
        replicas = scaler.decide({"pending": (0, 5)}, replicas, now)
        seen.append(replicas)
    assert seen[: 120 // 15] == [3] * 8
    assert seen[8:12] == [2] * 4 and seen[-1] == 1
