{{/* API keys, TLS and limits of the program: variables, files, and the port that needs none of them. */}}

{{/* Whether requests to a service's port need a key or TLS, which neither probes nor Prometheus have. */}}
{{- define "energy-pipeline.security.hasMetricsPort" -}}
{{- if or .Values.apiKeys.enabled .Values.tls.existingSecret -}}true{{- end -}}
{{- end -}}

{{/* The name of the container's port for probes and Prometheus. */}}
{{- define "energy-pipeline.security.metricsPortName" -}}
{{- ternary "metrics" "http" (not (empty (include "energy-pipeline.security.hasMetricsPort" .))) -}}
{{- end -}}

{{- define "energy-pipeline.security.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.tls.existingSecret)) -}}
{{- end -}}

{{- define "energy-pipeline.security.variables" -}}
{{- if .Values.apiKeys.enabled }}
API_KEYS_FILE: /etc/energy-pipeline/keys/keys.json
{{- end }}
{{- if .Values.tls.existingSecret }}
TLS_CERT_FILE: /etc/energy-pipeline/tls/tls.crt
TLS_KEY_FILE: /etc/energy-pipeline/tls/tls.key
{{- if .Values.tls.clientCa.existingSecret }}
TLS_CLIENT_CA_FILE: /etc/energy-pipeline/tls/client-ca.crt
{{- end }}
{{- end }}
{{- if include "energy-pipeline.security.hasMetricsPort" . }}
METRICS_PORT: {{ .Values.metrics.port | int64 | quote }}
{{- end }}
{{- with .Values.config.forwardedFrom }}
FORWARDED_FROM: {{ join "," . | quote }}
{{- end }}
{{- with .Values.rateLimit.perAddress }}
RATE_LIMIT_PER_ADDRESS: {{ . | quote }}
{{- end }}
{{- with .Values.rateLimit.perKey }}
RATE_LIMIT_PER_KEY: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The volumes with those files, as a list. They are whole directories: a change of a Secret reaches the program, which reads the files again. */}}
{{- define "energy-pipeline.security.volumes" -}}
{{- $keys := .Values.apiKeys -}}
{{- $tls := .Values.tls -}}
{{- if $keys.enabled }}
- name: api-keys
  secret:
    secretName: {{ $keys.existingSecret | quote }}
    defaultMode: 0440
    items:
      - {key: {{ $keys.fileKey | quote }}, path: keys.json}
{{- end }}
{{- if $tls.existingSecret }}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ $tls.existingSecret | quote }}
          items:
            - {key: tls.crt, path: tls.crt}
            - {key: tls.key, path: tls.key}
      {{- if $tls.clientCa.existingSecret }}
      - secret:
          name: {{ $tls.clientCa.existingSecret | quote }}
          items:
            - {key: {{ $tls.clientCa.key | quote }}, path: client-ca.crt}
      {{- end }}
{{- end }}
{{- if not (or $keys.enabled $tls.existingSecret) }}
[]
{{- end }}
{{- end -}}

{{- define "energy-pipeline.security.mounts" -}}
{{- if .Values.apiKeys.enabled }}
- {name: api-keys, mountPath: /etc/energy-pipeline/keys, readOnly: true}
{{- end }}
{{- if .Values.tls.existingSecret }}
- {name: tls, mountPath: /etc/energy-pipeline/tls, readOnly: true}
{{- end }}
{{- if not (or .Values.apiKeys.enabled .Values.tls.existingSecret) }}
[]
{{- end }}
{{- end -}}

{{/*
What clients of the services in the release (the page, the smoke test) verify them by, and show them: the authority's certificate, without
the key of the services, and the page's client certificate. Volumes as a list.
*/}}
{{- define "energy-pipeline.security.clientVolumes" -}}
{{- $tls := .Values.tls -}}
{{- $own := .Values.frontend.clientCertificate.existingSecret -}}
{{- if and $tls.existingSecret (or $tls.caKey $own) }}
- name: services-tls
  projected:
    defaultMode: 0440
    sources:
      {{- if $tls.caKey }}
      - secret:
          name: {{ $tls.existingSecret | quote }}
          items:
            - {key: {{ $tls.caKey | quote }}, path: ca.crt}
      {{- end }}
      {{- if $own }}
      - secret:
          name: {{ $own | quote }}
          items:
            - {key: tls.crt, path: tls.crt}
            - {key: tls.key, path: tls.key}
      {{- end }}
{{- else }}
[]
{{- end }}
{{- end -}}

{{- define "energy-pipeline.security.clientMounts" -}}
{{- if and .Values.tls.existingSecret (or .Values.tls.caKey .Values.frontend.clientCertificate.existingSecret) }}
- {name: services-tls, mountPath: /etc/energy-pipeline/services, readOnly: true}
{{- else }}
[]
{{- end }}
{{- end -}}

{{/*
The variables that name those files: a list of name and value. Takes a list: the root, the prefix of the names, and whether the client
shows its certificate if there is one.
*/}}
{{- define "energy-pipeline.security.clientEnv" -}}
{{- $root := index . 0 -}}
{{- $prefix := index . 1 -}}
{{- $shows := and (index . 2) $root.Values.frontend.clientCertificate.existingSecret -}}
{{- $tls := $root.Values.tls -}}
{{- $folder := "/etc/energy-pipeline/services" -}}
{{- if and $tls.existingSecret $tls.caKey }}
- {name: {{ $prefix }}_CA_FILE, value: {{ $folder }}/ca.crt}
{{- end }}
{{- if and $tls.existingSecret $shows }}
- {name: {{ $prefix }}_CERT_FILE, value: {{ $folder }}/tls.crt}
- {name: {{ $prefix }}_KEY_FILE, value: {{ $folder }}/tls.key}
{{- end }}
{{- if not (and $tls.existingSecret (or $tls.caKey $shows)) }}
[]
{{- end }}
{{- end -}}

{{- define "energy-pipeline.validate.security" -}}
{{- $keys := .Values.apiKeys -}}
{{- if and $keys.enabled (not $keys.existingSecret) -}}
{{- fail "apiKeys.enabled needs apiKeys.existingSecret, a Secret with the key file: `energy-pipeline keys create --keys-file keys.json --name NAME --scope SCOPES` writes the file, and `kubectl create secret generic energy-pipeline-keys --from-file=keys.json` the Secret" -}}
{{- end -}}
{{- $tls := .Values.tls -}}
{{- $own := .Values.frontend.clientCertificate.existingSecret -}}
{{- if and $tls.clientCa.existingSecret (not $tls.existingSecret) -}}
{{- fail "tls.clientCa.existingSecret needs tls.existingSecret, as client certificates are a part of TLS" -}}
{{- end -}}
{{- if and $own (not $tls.existingSecret) -}}
{{- fail "frontend.clientCertificate.existingSecret needs tls.existingSecret, or the page has no service to show it to" -}}
{{- end -}}
{{- if and $tls.clientCa.existingSecret .Values.frontend.enabled (not $keys.enabled) (not $own) -}}
{{- fail "tls.clientCa.existingSecret without apiKeys.enabled rejects requests without a client certificate: the page needs frontend.clientCertificate.existingSecret, or frontend.enabled=false" -}}
{{- end -}}
{{- if and .Values.tests.writeReading $keys.enabled (not .Values.tests.apiKey.existingSecret) .Values.tests.enabled -}}
{{- fail "tests.writeReading with apiKeys.enabled needs tests.apiKey.existingSecret, a Secret with a key of the scopes write and read" -}}
{{- end -}}
{{- range $name := list "ingestionApi" "processingService" -}}
{{- if and (include "energy-pipeline.security.hasMetricsPort" $) (eq (int $.Values.metrics.port) (int (index $.Values $name "service" "targetPort"))) -}}
{{- fail (printf "metrics.port must not be %s.service.targetPort (%v): both are ports of one pod" $name $.Values.metrics.port) -}}
{{- end -}}
{{- end -}}
{{- $external := .Values.externalRedis.tls -}}
{{- if and $external.clientCertificate.existingSecret (not $external.enabled) -}}
{{- fail "externalRedis.tls.clientCertificate.existingSecret needs externalRedis.tls.enabled" -}}
{{- end -}}
{{- end -}}
