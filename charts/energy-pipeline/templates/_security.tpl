{{/* Limits of the program: variables. */}}
{{- define "energy-pipeline.security.variables" -}}
{{- with .Values.config.forwardedFrom }}
FORWARDED_FROM: {{ join "," . | quote }}
{{- end }}
{{- with .Values.rateLimit.perAddress }}
RATE_LIMIT_PER_ADDRESS: {{ . | quote }}
{{- end }}
{{- end -}}
