{{/* The archive of packed days: variables, and the volume of `file://`. */}}

{{- define "energy-pipeline.archive.isOnVolume" -}}
{{- if hasPrefix "file://" .Values.archive.url -}}true{{- end -}}
{{- end -}}

{{- define "energy-pipeline.archive.isInBucket" -}}
{{- if hasPrefix "s3://" .Values.archive.url -}}true{{- end -}}
{{- end -}}

{{- define "energy-pipeline.archive.claim" -}}
{{- .Values.archive.persistence.existingClaim | default (printf "%s-archive" (include "energy-pipeline.fullname" .)) -}}
{{- end -}}

{{/* Variables, mounts and volumes of the roles that read the archive. */}}
{{- define "energy-pipeline.archive.files" -}}
{{- $archive := .Values.archive -}}
{{- $env := list -}}
{{- $mounts := list -}}
{{- $volumes := list -}}
{{- if $archive.url -}}
{{- $env = append $env (dict "name" "ARCHIVE_URL" "value" $archive.url) -}}
{{- end -}}
{{- if include "energy-pipeline.archive.isInBucket" . -}}
{{- $env = concat $env (include "energy-pipeline.archive.credentials" . | fromYamlArray) -}}
{{- end -}}
{{- if include "energy-pipeline.archive.isOnVolume" . -}}
{{- $mounts = append $mounts (dict "name" "archive" "mountPath" (trimPrefix "file://" $archive.url)) -}}
{{- $volumes = append $volumes (dict "name" "archive" "persistentVolumeClaim" (dict "claimName" (include "energy-pipeline.archive.claim" .))) -}}
{{- end -}}
{{- dict "env" $env "mounts" $mounts "volumes" $volumes | toYaml -}}
{{- end -}}

{{/* Where the bucket is, and the access key, as a list of variables. */}}
{{- define "energy-pipeline.archive.credentials" -}}
{{- $s3 := .Values.archive.s3 -}}
{{- $env := list -}}
{{- with $s3.region -}}
{{- $env = append $env (dict "name" "AWS_REGION" "value" .) -}}
{{- end -}}
{{- with $s3.endpoint -}}
{{- $env = append $env (dict "name" "AWS_ENDPOINT_URL" "value" .) -}}
{{- if hasPrefix "http://" . -}}
{{- $env = append $env (dict "name" "AWS_ALLOW_HTTP" "value" "true") -}}
{{- end -}}
{{- end -}}
{{- with $s3.existingSecret -}}
{{- $env = append $env (dict "name" "AWS_ACCESS_KEY_ID" "valueFrom" (dict "secretKeyRef" (dict "name" . "key" $s3.accessKeyIdKey))) -}}
{{- $env = append $env (dict "name" "AWS_SECRET_ACCESS_KEY" "valueFrom" (dict "secretKeyRef" (dict "name" . "key" $s3.secretAccessKeyKey))) -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{/* The way to the object store: the port of its URL, and that of the server which gives pods their tokens. */}}
{{- define "energy-pipeline.archive.egress" -}}
{{- if include "energy-pipeline.archive.isInBucket" . -}}
{{- $s3 := .Values.archive.s3 -}}
{{- $ports := list -}}
{{- with $s3.endpoint -}}
{{- $parts := urlParse . -}}
{{- $standard := ternary "443" "80" (eq $parts.scheme "https") -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" $parts.host | trimPrefix ":" | default $standard | int64) -}}
{{- end -}}
{{- if or (not $s3.endpoint) (not $s3.existingSecret) -}}
{{- $ports = append $ports (int64 443) -}}
{{- end -}}
- ports:
    {{- range $ports | uniq }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.archiveTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.archive" -}}
{{- $archive := .Values.archive -}}
{{- $packAfter := include "energy-pipeline.milliseconds" (include "energy-pipeline.text" .Values.config.packAfter) | int64 -}}
{{- if and (gt $packAfter 0) (lt $packAfter 3600000) -}}
{{- fail (printf "config.packAfter must be 0 (never) or at least 1h, but is %v" .Values.config.packAfter) -}}
{{- end -}}
{{- $retention := include "energy-pipeline.milliseconds" (include "energy-pipeline.text" .Values.config.readingsRetention) | int64 -}}
{{- if and (gt $retention 0) (ge $packAfter $retention) -}}
{{- fail (printf "config.packAfter (%v) must be below config.readingsRetention (%v), or readings expire before they are packed" .Values.config.packAfter .Values.config.readingsRetention) -}}
{{- end -}}
{{- if and $archive.url (lt (include "energy-pipeline.milliseconds" $archive.after | int64) $packAfter) -}}
{{- fail (printf "archive.after (%s) must be at least config.packAfter (%v)" $archive.after .Values.config.packAfter) -}}
{{- end -}}
{{- if and $archive.persistence.existingClaim (not (include "energy-pipeline.archive.isOnVolume" .)) -}}
{{- fail "archive.persistence.existingClaim needs an archive.url that begins with file:///" -}}
{{- end -}}
{{- if and (or $archive.s3.existingSecret $archive.s3.endpoint $archive.s3.region) (not (include "energy-pipeline.archive.isInBucket" .)) -}}
{{- fail "archive.s3 needs an archive.url that begins with s3://" -}}
{{- end -}}
{{- if include "energy-pipeline.archive.isOnVolume" . -}}
{{- include "energy-pipeline.validate.archiveVolume" . -}}
{{- end -}}
{{- end -}}

{{- define "energy-pipeline.validate.archiveVolume" -}}
{{- $persistence := .Values.archive.persistence -}}
{{- range list "/etc/energy-pipeline" "/energy-pipeline" "/proc" "/sys" "/dev" -}}
{{- if hasPrefix (printf "%s/" .) (printf "%s/" (trimPrefix "file://" $.Values.archive.url)) -}}
{{- fail (printf "archive.url: %s is in use by the program or the system; choose another path, such as file:///archive" .) -}}
{{- end -}}
{{- end -}}
{{- $pods := int (ternary .Values.keda.maxReplicaCount .Values.processingService.replicaCount .Values.keda.enabled) -}}
{{- $several := or (gt $pods 1) .Values.queryApi.enabled -}}
{{- if and $several (not $persistence.existingClaim) (not (has "ReadWriteMany" $persistence.accessModes)) -}}
{{- fail "archive.persistence.accessModes needs ReadWriteMany while several pods read the archive (keda.maxReplicaCount or processingService.replicaCount above 1, or queryApi.enabled), or pods on a second node never start; use a StorageClass that has it, one pod, or an archive.url of s3://" -}}
{{- end -}}
{{- end -}}

{{/* A time, such as `3d` or `1h30m`, in milliseconds; 0 without a unit. */}}
{{- define "energy-pipeline.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31557600000 -}}
{{- $sum := int64 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d|w|y)" . -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
