{{/* Address and credentials of Redis, for the program and for KEDA. */}}
{{- define "energy-pipeline.redis.host" -}}
{{- if .Values.redis.enabled -}}
{{- include "energy-pipeline.serviceHost" (list . (include "energy-pipeline.redis.name" .)) -}}
{{- else -}}
{{- .Values.externalRedis.host | trimPrefix "[" | trimSuffix "]" -}}
{{- end -}}
{{- end -}}

{{/* Host and port in one, as in a URL: an IPv6 address has brackets there. */}}
{{- define "energy-pipeline.redis.hostPort" -}}
{{- $host := include "energy-pipeline.redis.host" . -}}
{{- printf (ternary "[%s]:%s" "%s:%s" (contains ":" $host)) $host (include "energy-pipeline.redis.port" .) -}}
{{- end -}}

{{- define "energy-pipeline.redis.port" -}}
{{- ternary .Values.redis.master.service.port .Values.externalRedis.port .Values.redis.enabled | int64 -}}
{{- end -}}

{{- define "energy-pipeline.redis.mode" -}}
{{- ternary "standalone" .Values.externalRedis.mode .Values.redis.enabled -}}
{{- end -}}

{{/* Whether the program connects to the nodes of a Redis Cluster: not by a proxy. */}}
{{- define "energy-pipeline.redis.byNodes" -}}
{{- if and (eq (include "energy-pipeline.redis.mode" .) "cluster") (not .Values.externalRedis.host) -}}true{{- end -}}
{{- end -}}

{{- define "energy-pipeline.redis.tls" -}}
{{- if ternary .Values.redis.tls.enabled .Values.externalRedis.tls.enabled .Values.redis.enabled -}}true{{- end -}}
{{- end -}}

{{/* The Secret with the password; empty without a password. */}}
{{- define "energy-pipeline.redis.secret" -}}
{{- if .Values.redis.enabled -}}
{{- if .Values.redis.auth.enabled -}}
{{- .Values.redis.auth.existingSecret | default (printf "%s-redis" (include "energy-pipeline.fullname" .)) -}}
{{- end -}}
{{- else if .Values.externalRedis.existingSecret -}}
{{- .Values.externalRedis.existingSecret -}}
{{- else if .Values.externalRedis.password -}}
{{- printf "%s-redis" (include "energy-pipeline.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.redis.secretKey" -}}
{{- ternary .Values.redis.auth.existingSecretPasswordKey .Values.externalRedis.existingSecretPasswordKey .Values.redis.enabled -}}
{{- end -}}

{{/* Whether the chart creates that Secret. */}}
{{- define "energy-pipeline.redis.makesSecret" -}}
{{- $existing := ternary .Values.redis.auth.existingSecret .Values.externalRedis.existingSecret .Values.redis.enabled -}}
{{- if and (include "energy-pipeline.redis.secret" .) (not $existing) -}}true{{- end -}}
{{- end -}}

{{/* Whether KEDA has a read-only user of its own: where the chart creates server and Secret. */}}
{{- define "energy-pipeline.redis.hasKedaUser" -}}
{{- if and .Values.redis.enabled .Values.keda.enabled (include "energy-pipeline.redis.makesSecret" .) -}}true{{- end -}}
{{- end -}}

{{/* The Secret with the authority of the server's certificate, and its key in it; empty where the system's are trusted. */}}
{{- define "energy-pipeline.redis.caSecret" -}}
{{- if include "energy-pipeline.redis.tls" . -}}
{{- ternary .Values.redis.tls.existingSecret .Values.externalRedis.tls.existingSecret .Values.redis.enabled -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.redis.caKey" -}}
{{- ternary "ca.crt" .Values.externalRedis.tls.caKey .Values.redis.enabled -}}
{{- end -}}

{{/* The Secret with the program's own certificate for an external server that requires one. */}}
{{- define "energy-pipeline.redis.clientSecret" -}}
{{- if and (not .Values.redis.enabled) .Values.externalRedis.tls.enabled -}}
{{- .Values.externalRedis.tls.clientCertificate.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the password of the Sentinels; empty without one. */}}
{{- define "energy-pipeline.redis.sentinelSecret" -}}
{{- $sentinel := .Values.externalRedis.sentinel -}}
{{- if eq (include "energy-pipeline.redis.mode" .) "sentinel" -}}
{{- if $sentinel.existingSecret -}}
{{- $sentinel.existingSecret -}}
{{- else if $sentinel.password -}}
{{- printf "%s-sentinel" (include "energy-pipeline.fullname" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether a Secret has something for Redis: password, authority, certificate. */}}
{{- define "energy-pipeline.redis.hasFiles" -}}
{{- if or (include "energy-pipeline.redis.secret" .) (include "energy-pipeline.redis.sentinelSecret" .) (include "energy-pipeline.redis.caSecret" .) (include "energy-pipeline.redis.clientSecret" .) -}}true{{- end -}}
{{- end -}}

{{/*
REDIS_URL, where host and port do not say all; without the password, which is in a file.
*/}}
{{- define "energy-pipeline.redis.url" -}}
{{- $external := .Values.externalRedis -}}
{{- $tls := include "energy-pipeline.redis.tls" . -}}
{{- $db := ternary 0 $external.db .Values.redis.enabled | int -}}
{{- $user := ternary "" $external.username .Values.redis.enabled -}}
{{- $login := ternary (printf "%s@" (urlquery $user | replace "+" "%20")) "" (not (empty $user)) -}}
{{- $path := ternary (printf "/%d" $db) "" (gt $db 0) -}}
{{- if include "energy-pipeline.redis.byNodes" . -}}
{{- printf "%s+cluster://%s%s" (ternary "rediss" "redis" (not (empty $tls))) $login (join "," $external.addresses) -}}
{{- else if eq (include "energy-pipeline.redis.mode" .) "sentinel" -}}
{{- printf "%s+sentinel://%s%s/%s%s" (ternary "rediss" "redis" (not (empty $tls))) $login (join "," $external.addresses) $external.sentinel.masterName $path -}}
{{- else if or $tls $path $login -}}
{{- printf "%s://%s%s%s" (ternary "rediss" "redis" (not (empty $tls))) $login (include "energy-pipeline.redis.hostPort" .) $path -}}
{{- end -}}
{{- end -}}

{{/* Variables of the program for Redis: its address, and the files with its credentials. */}}
{{- define "energy-pipeline.redis.variables" -}}
{{- with include "energy-pipeline.redis.url" . }}
REDIS_URL: {{ . | quote }}
{{- else }}
REDIS_HOST: {{ include "energy-pipeline.redis.host" . | quote }}
REDIS_PORT: {{ include "energy-pipeline.redis.port" . | quote }}
{{- end }}
{{- if include "energy-pipeline.redis.secret" . }}
REDIS_PASSWORD_FILE: /etc/energy-pipeline/redis/password
{{- end }}
{{- if include "energy-pipeline.redis.sentinelSecret" . }}
REDIS_SENTINEL_PASSWORD_FILE: /etc/energy-pipeline/redis/sentinel-password
{{- with .Values.externalRedis.sentinel.username }}
REDIS_SENTINEL_USER: {{ . | quote }}
{{- end }}
{{- end }}
{{- include "energy-pipeline.redis.replication" . }}
{{- if include "energy-pipeline.redis.caSecret" . }}
REDIS_TLS_CA_FILE: /etc/energy-pipeline/redis/ca.crt
{{- end }}
{{- if include "energy-pipeline.redis.clientSecret" . }}
REDIS_TLS_CERT_FILE: /etc/energy-pipeline/redis/tls.crt
REDIS_TLS_KEY_FILE: /etc/energy-pipeline/redis/tls.key
{{- end }}
{{- end -}}

{{/* Variables that concern the replicas of an external server. */}}
{{- define "energy-pipeline.redis.replication" -}}
{{- $external := .Values.externalRedis -}}
{{- if not .Values.redis.enabled }}
{{- if ne $external.readFrom "primary" }}
REDIS_READ_FROM: {{ $external.readFrom | quote }}
{{- end }}
{{- if $external.waitReplicas }}
REDIS_WAIT_REPLICAS: {{ $external.waitReplicas | int64 | quote }}
{{- with $external.waitTimeoutMs }}
REDIS_WAIT_TIMEOUT_MS: {{ . | int64 | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The volume with those files, as a list; a change of the Secret reaches it without a restart. */}}
{{- define "energy-pipeline.redis.volumes" -}}
{{- $secret := include "energy-pipeline.redis.secret" . -}}
{{- $caSecret := include "energy-pipeline.redis.caSecret" . -}}
{{- $clientSecret := include "energy-pipeline.redis.clientSecret" . -}}
{{- $sentinelSecret := include "energy-pipeline.redis.sentinelSecret" . -}}
{{- if include "energy-pipeline.redis.hasFiles" . }}
- name: redis-login
  projected:
    defaultMode: 0440
    sources:
      {{- if $secret }}
      - secret:
          name: {{ $secret | quote }}
          items:
            - {key: {{ include "energy-pipeline.redis.secretKey" . | quote }}, path: password}
      {{- end }}
      {{- if $sentinelSecret }}
      - secret:
          name: {{ $sentinelSecret | quote }}
          items:
            - {key: {{ .Values.externalRedis.sentinel.existingSecretPasswordKey | quote }}, path: sentinel-password}
      {{- end }}
      {{- if $caSecret }}
      - secret:
          name: {{ $caSecret | quote }}
          items:
            - {key: {{ include "energy-pipeline.redis.caKey" . | quote }}, path: ca.crt}
      {{- end }}
      {{- if $clientSecret }}
      - secret:
          name: {{ $clientSecret | quote }}
          items:
            - {key: {{ .Values.externalRedis.tls.clientCertificate.certKey | quote }}, path: tls.crt}
            - {key: {{ .Values.externalRedis.tls.clientCertificate.keyKey | quote }}, path: tls.key}
      {{- end }}
{{- else }}
[]
{{- end }}
{{- end -}}

{{- define "energy-pipeline.redis.mounts" -}}
{{- if include "energy-pipeline.redis.hasFiles" . }}
- {name: redis-login, mountPath: /etc/energy-pipeline/redis, readOnly: true}
{{- else }}
[]
{{- end }}
{{- end -}}

{{- define "energy-pipeline.redis.image" -}}
{{- $image := .Values.redis.image -}}
image: {{ include "energy-pipeline.image" (dict "root" . "registry" $image.registry "repository" $image.repository "tag" $image.tag "digest" $image.digest) | quote }}
imagePullPolicy: {{ $image.pullPolicy | quote }}
{{- end -}}

{{/* A size of memory in MiB: a quantity of Kubernetes (`1Gi`, `512M`), or a size of Redis (`384mb`, `1g`); 0 is no size. */}}
{{- define "energy-pipeline.mebibytes" -}}
{{- $text := include "energy-pipeline.text" . -}}
{{- $factors := dict "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "K" 1000.0 "M" 1e6 "G" 1e9 "T" 1e12
    "k" 1000.0 "m" 1e6 "g" 1e9 "kb" 1024.0 "mb" 1048576.0 "gb" 1073741824.0 "" 1.0 -}}
{{- $factor := get $factors (regexFind "[A-Za-z]*$" $text) | default 1.0 -}}
{{- divf (mulf (regexFind "^[0-9.]+" $text | default "0" | float64) $factor) 1048576.0 -}}
{{- end -}}
