"""What KEDA and the HorizontalPodAutoscaler that it makes do with a ScaledObject, on a real Redis.

KEDA's redis-streams scaler: `pendingEntriesCount` asks XPENDING, `lagCount` asks INFO (major version 7 or newer) and XINFO
GROUPS; a stream that does not exist has no lag, every other fault falls back to the stream's length, a lag that Redis does
not know counts as none. The autoscaler: each metric wants total / target pods, rounded up, unless that is within a tenth of
what there are; the highest wins; scaling down waits for the highest number of a window, and removes a bounded number of pods per period.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import redis

TOLERANCE = 0.1


class ScalerError(Exception):
    """KEDA got no reply; the autoscaler then never scales down."""


def pending(client, asked):
    try:
        return client.xpending(asked["stream"], asked["consumerGroup"])["pending"]
    except redis.ResponseError as error:
        raise ScalerError(str(error)) from error


def lag(client, asked):
    version = int(client.info()["redis_version"].split(".")[0])
    assert version >= 7, "KEDA refuses older servers"
    try:
        groups = client.xinfo_groups(asked["stream"])
    except redis.ResponseError as error:
        if str(error) == "no such key":
            return 0
        return client.xlen(asked["stream"])
    for group in groups:
        if group["name"] == asked["consumerGroup"]:
            return max(-1 if group["lag"] is None else group["lag"], 0)
    return client.xlen(asked["stream"])


def measure(client, trigger):
    """The trigger's metric and its target for each pod."""
    asked = trigger["metadata"]
    if "lagCount" in asked:
        return lag(client, asked), int(asked["lagCount"])
    return pending(client, asked), int(asked["pendingEntriesCount"])


def wanted(total, target, replicas):
    """The number of pods by one metric."""
    if replicas and abs(total / (target * replicas) - 1) <= TOLERANCE:
        return replicas
    return math.ceil(total / target)


@dataclass
class Autoscaler:
    """Decides about the replicas; times are seconds of `now`."""

    scaled: dict
    wants: deque = field(default_factory=deque)
    last_down: float = -math.inf

    @property
    def spec(self):
        return self.scaled["spec"]

    def metrics(self, client):
        triggers = [trigger for trigger in self.spec["triggers"] if trigger["type"].startswith("redis")]
        return {trigger["name"]: measure(client, trigger) for trigger in triggers}

    def desired(self, metrics, replicas):
        modifiers = self.spec["advanced"].get("scalingModifiers")
        if modifiers:
            totals = {name: total for name, (total, _) in metrics.items()}
            composed = eval(modifiers["formula"], {"__builtins__": {}, "max": max}, totals)
            return wanted(composed, int(modifiers["target"]), replicas)
        return max(wanted(total, target, replicas) for total, target in metrics.values())

    def decide(self, metrics, replicas, now):
        least, most = self.spec["minReplicaCount"], self.spec["maxReplicaCount"]
        want = min(max(self.desired(metrics, replicas), least, 1), most)
        rules = self.spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
        self.wants.append((now, want))
        while self.wants[0][0] < now - rules["stabilizationWindowSeconds"]:
            self.wants.popleft()
        if want >= replicas:
            # At most 4 pods, or as many as there are, each 15 s: the autoscaler's own rule.
            return min(want, max(replicas + 4, replicas * 2))
        want = max(want for _, want in self.wants)
        (policy,) = rules["policies"]
        if want >= replicas or now - self.last_down < policy["periodSeconds"]:
            return replicas
        self.last_down = now
        return max(want, replicas - policy["value"])
