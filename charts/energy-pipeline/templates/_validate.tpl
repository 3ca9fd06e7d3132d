{{/* Relations between values, which a schema cannot express. Each message names the value and the consequence. */}}
{{- define "energy-pipeline.validate" -}}
{{- $keda := .Values.keda -}}
{{- if $keda.enabled -}}
{{- include "energy-pipeline.validate.keda" . -}}
{{- end -}}
{{- include "energy-pipeline.validate.consumer" . -}}
{{- include "energy-pipeline.validate.partitions" . -}}
{{- include "energy-pipeline.validate.externalRedis" . -}}
{{- include "energy-pipeline.validate.security" . -}}
{{- include "energy-pipeline.validate.mqtt" . -}}
{{- include "energy-pipeline.validate.archive" . -}}
{{- range $name, $values := dict "ingestionApi" .Values.ingestionApi "queryApi" .Values.queryApi "frontend" .Values.frontend -}}
{{- with $values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "%s.autoscaling.minReplicas must be at most maxReplicas, but %v is more than %v" $name .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled -}}
{{- fail "metrics.podMonitor and metrics.serviceMonitor must not both be enabled, or everything is counted twice" -}}
{{- end -}}
{{- if and .Values.redis.enabled .Values.redis.auth.password .Values.redis.auth.existingSecret -}}
{{- fail "redis.auth.password and redis.auth.existingSecret must not both be set" -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.externalRedis" -}}
{{- $external := .Values.externalRedis -}}
{{- $sentinel := $external.sentinel -}}
{{- if not .Values.redis.enabled -}}
{{- if and (ne $external.readFrom "primary") (eq $external.mode "standalone") -}}
{{- fail "externalRedis.readFrom: replica needs externalRedis.mode: sentinel or cluster, as Sentinels and Cluster nodes name the replicas" -}}
{{- end -}}
{{- if and (ne $external.readFrom "primary") (eq $external.mode "cluster") $external.host -}}
{{- fail "externalRedis.readFrom: replica needs externalRedis.mode: cluster without externalRedis.host, as a proxy chooses the node" -}}
{{- end -}}
{{- if and $sentinel.username (not (include "energy-pipeline.redis.sentinelSecret" .)) -}}
{{- fail "externalRedis.sentinel.username needs externalRedis.mode: sentinel and a password: externalRedis.sentinel.existingSecret" -}}
{{- end -}}
{{- if and $sentinel.password $sentinel.existingSecret -}}
{{- fail "externalRedis.sentinel.password and externalRedis.sentinel.existingSecret must not both be set" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.mqtt" -}}
{{- $mqtt := .Values.mqttBridge -}}
{{- if $mqtt.enabled -}}
{{- if not $mqtt.url -}}
{{- fail "mqttBridge.enabled needs mqttBridge.url, such as mqtt://mosquitto:1883" -}}
{{- end -}}
{{- if and (gt (int $mqtt.replicaCount) 1) (not $mqtt.sharedGroup) -}}
{{- fail "mqttBridge.replicaCount above 1 needs mqttBridge.sharedGroup, or each pod receives all messages" -}}
{{- end -}}
{{- if and $mqtt.tls.existingSecret (not (hasPrefix "mqtts://" $mqtt.url)) -}}
{{- fail "mqttBridge.tls.existingSecret needs a mqttBridge.url that begins with mqtts://" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.partitions" -}}
{{- if and (gt (int .Values.config.streamPartitions) 1) (contains "{" .Values.config.redisStream) -}}
{{- fail "config.streamPartitions must be 1 where config.redisStream has a hash tag ({…}), which puts all partitions in one slot" -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.keda" -}}
{{- $keda := .Values.keda -}}
{{- if gt (int $keda.minReplicaCount) (int $keda.maxReplicaCount) -}}
{{- fail (printf "keda.minReplicaCount must be at most keda.maxReplicaCount, but %v is more than %v" $keda.minReplicaCount $keda.maxReplicaCount) -}}
{{- end -}}
{{- if and (not (kindIs "invalid" $keda.idleReplicaCount)) (ge (int $keda.idleReplicaCount) (int $keda.minReplicaCount)) -}}
{{- fail "keda.idleReplicaCount must be below keda.minReplicaCount" -}}
{{- end -}}
{{- if not (or $keda.pending.enabled $keda.lag.enabled $keda.extraTriggers) -}}
{{- fail "keda.enabled needs a trigger: keda.pending.enabled, keda.lag.enabled or keda.extraTriggers" -}}
{{- end -}}
{{- $both := and $keda.pending.enabled $keda.lag.enabled -}}
{{- $idle := ternary $keda.minReplicaCount $keda.idleReplicaCount (kindIs "invalid" $keda.idleReplicaCount) -}}
{{- if eq (int $idle) 0 -}}
{{- if not .Values.queryApi.enabled -}}
{{- fail "keda.minReplicaCount (or idleReplicaCount) 0 needs queryApi.enabled, or queries get no response while there is nothing to process" -}}
{{- end -}}
{{- if not $both -}}
{{- fail "keda.minReplicaCount (or idleReplicaCount) 0 needs keda.pending.enabled and keda.lag.enabled: pending alone never starts a pod, lag alone stops one that is still processing" -}}
{{- end -}}
{{- end -}}
{{- if and (eq $keda.aggregate "sum") (not $both) -}}
{{- fail "keda.aggregate: sum needs keda.pending.enabled and keda.lag.enabled" -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.consumer" -}}
{{- $values := .Values.processingService -}}
{{- $consumer := $values.consumer -}}
{{- $drain := int .Values.config.drainTimeoutMs -}}
{{- with $consumer.maxInFlight -}}
{{- /* A quarter of the window is reserved for claimed entries. */ -}}
{{- $read := sub (int .) (div (int .) 4) -}}
{{- $keda := $.Values.keda -}}
{{- $threshold := int (include "energy-pipeline.threshold" $) -}}
{{- if and $keda.enabled $keda.pending.enabled (le (mul $read 10) (mul $threshold 11)) -}}
{{- fail (printf "processingService.consumer.maxInFlight is too low for keda.threshold: a pod that reads %d entries at most never has more than 1.1 × %v pending, so nothing is ever scaled, whatever waits" $read $threshold) -}}
{{- end -}}
{{- if gt (int (include "energy-pipeline.batchSize" $ | default "0")) (int .) -}}
{{- fail (printf "processingService.consumer.batchSize must be at most maxInFlight (%v)" .) -}}
{{- end -}}
{{- end -}}
{{- if ge (mul 3 (int .Values.config.processingDelayMs)) (int $consumer.claimMinIdleMs) -}}
{{- fail "3 × config.processingDelayMs must be below processingService.consumer.claimMinIdleMs, or entries are claimed by another pod while they are processed" -}}
{{- end -}}
{{- if and (gt $drain 0) (ge (int $consumer.readBlockMs) $drain) -}}
{{- fail "processingService.consumer.readBlockMs must be below config.drainTimeoutMs, or a read outlasts the drain" -}}
{{- end -}}
{{- range $name, $role := dict "ingestionApi" .Values.ingestionApi "processingService" $values "queryApi" .Values.queryApi -}}
{{- /* Queries get 5 s more. */ -}}
{{- $needed := add (int $role.preStopSleepSeconds) (div (add $drain 999) 1000) 5 -}}
{{- if gt $needed (int $role.terminationGracePeriodSeconds) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds must be at least preStopSleepSeconds + config.drainTimeoutMs + 5 s = %d, or pods are killed while they drain" $name $needed) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The pending entries for which there is a pod: keda.threshold, but at least one in each partition where the largest decides. */}}
{{- define "energy-pipeline.threshold" -}}
{{- if eq .Values.keda.aggregate "sum" -}}
{{- int .Values.keda.threshold -}}
{{- else -}}
{{- mul (include "energy-pipeline.keda.part" (list . .Values.keda.threshold)) .Values.config.streamPartitions -}}
{{- end -}}
{{- end -}}

{{/* BATCH_SIZE, where it is not the program's default (500): it may not be above the window. */}}
{{- define "energy-pipeline.batchSize" -}}
{{- $consumer := .Values.processingService.consumer -}}
{{- if $consumer.batchSize -}}
{{- int $consumer.batchSize -}}
{{- else if and $consumer.maxInFlight (lt (int $consumer.maxInFlight) 500) -}}
{{- int $consumer.maxInFlight -}}
{{- end -}}
{{- end -}}
