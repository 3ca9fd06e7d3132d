{{- define "energy-pipeline.keda.triggerType" -}}
{{- get (dict "standalone" "redis-streams" "sentinel" "redis-sentinel-streams" "cluster" "redis-cluster-streams") (include "energy-pipeline.redis.mode" .) -}}
{{- end -}}

{{/*
The TriggerAuthentication that triggers name: the one that exists, or ours where there is something secret; else none.
*/}}
{{- define "energy-pipeline.keda.authentication" -}}
{{- if .Values.keda.triggerAuthentication.existing -}}
{{- .Values.keda.triggerAuthentication.existing -}}
{{- else if and .Values.keda.triggerAuthentication.create (include "energy-pipeline.redis.hasFiles" .) -}}
{{- include "energy-pipeline.scaler.name" . -}}
{{- end -}}
{{- end -}}

{{/*
The stream of each partition, and what distinguishes the names of its triggers: nothing where there is one. Names are variables
of a formula, so they have no hyphens.
*/}}
{{- define "energy-pipeline.keda.partitions" -}}
{{- $stream := .Values.config.redisStream -}}
{{- $count := int .Values.config.streamPartitions -}}
{{- if eq $count 1 -}}
{{- list (dict "stream" $stream "suffix" "") | toYaml -}}
{{- else -}}
{{- $all := list -}}
{{- range $number := until $count -}}
{{- $all = append $all (dict "stream" (printf "%s:{%d}" $stream $number) "suffix" (printf "_%d" $number)) -}}
{{- end -}}
{{- $all | toYaml -}}
{{- end -}}
{{- end -}}

{{/*
A partition's part of a threshold. It is rounded up, as the largest partition decides, which has more than its part. Takes a list:
root, threshold.
*/}}
{{- define "energy-pipeline.keda.part" -}}
{{- $count := int (index . 0).Values.config.streamPartitions -}}
{{- div (add (int64 (index . 1)) (sub $count 1)) $count -}}
{{- end -}}

{{/* The sum of a trigger over all partitions, as a part of a formula. Takes a list: root, name. */}}
{{- define "energy-pipeline.keda.sum" -}}
{{- $name := index . 1 -}}
{{- $terms := list -}}
{{- range include "energy-pipeline.keda.partitions" (index . 0) | fromYamlArray -}}
{{- $terms = append $terms (printf "%s%s" $name .suffix) -}}
{{- end -}}
{{- if gt (len $terms) 1 -}}({{ join " + " $terms }}){{- else -}}{{ first $terms }}{{- end -}}
{{- end -}}

{{/* The address of Redis for KEDA's triggers; all values are strings. KEDA connects from its own namespace: full names only. */}}
{{- define "energy-pipeline.keda.metadata" -}}
{{- $external := .Values.externalRedis -}}
{{- $mode := include "energy-pipeline.redis.mode" . -}}
{{- if eq $mode "standalone" -}}
address: {{ include "energy-pipeline.redis.hostPort" . | quote }}
{{- else -}}
addresses: {{ join "," $external.addresses | quote }}
{{- end }}
{{- if eq $mode "sentinel" }}
sentinelMaster: {{ $external.sentinel.masterName | quote }}
{{- with $external.sentinel.username }}
sentinelUsername: {{ . | quote }}
{{- end }}
{{- end }}
consumerGroup: {{ .Values.config.consumerGroup | quote }}
{{- if and (not .Values.redis.enabled) (ne $mode "cluster") (gt (int $external.db) 0) }}
databaseIndex: {{ $external.db | int | quote }}
{{- end }}
{{- if and (not .Values.redis.enabled) $external.username }}
username: {{ $external.username | quote }}
{{- end }}
{{- if include "energy-pipeline.redis.tls" . }}
enableTLS: "true"
{{- end }}
{{- end -}}
