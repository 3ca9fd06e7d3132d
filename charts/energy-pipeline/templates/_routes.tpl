{{/*
Where paths lead, for Ingress and HTTPRoute: a list of path, pathType and service. Without the page there is no `/api`, and
the Processing Service's own paths are all that is left.
*/}}
{{- define "energy-pipeline.routes" -}}
- {path: /readings, pathType: Prefix, service: ingestionApi}
- {path: /health, pathType: Prefix, service: ingestionApi}
- {path: /sites, pathType: Prefix, service: processingService}
{{- if .Values.frontend.enabled }}
- {path: /, pathType: Prefix, service: frontend}
{{- else }}
- {path: /pipeline, pathType: Prefix, service: processingService}
{{- end }}
{{- end -}}

{{/* The name of the Service of a route. Takes a list: the root, the component as values name it. */}}
{{- define "energy-pipeline.routes.service" -}}
{{- $name := get (dict "ingestionApi" "ingestion-api" "processingService" "processing-service" "frontend" "frontend") (index . 1) -}}
{{- printf "%s-%s" (include "energy-pipeline.fullname" (index . 0)) $name -}}
{{- end -}}
