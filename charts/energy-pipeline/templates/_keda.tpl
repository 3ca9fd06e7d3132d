{{- define "energy-pipeline.keda.triggerType" -}}
{{- get (dict "standalone" "redis-streams" "sentinel" "redis-sentinel-streams" "cluster" "redis-cluster-streams") (include "energy-pipeline.redis.mode" .) -}}
{{- end -}}

{{/*
The TriggerAuthentication that triggers name: the one that exists, or ours where there is something secret; else none.
*/}}
{{- define "energy-pipeline.keda.authentication" -}}
{{- if .Values.keda.triggerAuthentication.existing -}}
{{- .Values.keda.triggerAuthentication.existing -}}
{{- else if and .Values.keda.triggerAuthentication.create (or (include "energy-pipeline.redis.secret" .) (include "energy-pipeline.redis.caSecret" .) (include "energy-pipeline.redis.clientSecret" .)) -}}
{{- include "energy-pipeline.scaler.name" . -}}
{{- end -}}
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
{{- end }}
stream: {{ .Values.config.redisStream | quote }}
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
