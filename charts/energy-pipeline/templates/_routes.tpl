{{/*
Where paths lead, for Ingress and HTTPRoute: a list of path, pathType and service. The page's nginx decides on what is below
`/api`; without the page there is no `/api`. Metrics are scraped from pods, and have no route.
*/}}
{{- define "energy-pipeline.routes" -}}
- {path: /readings, pathType: Prefix, service: ingestionApi}
- {path: /health, pathType: Prefix, service: ingestionApi}
- {path: /sites, pathType: Prefix, service: processingService}
{{- if .Values.frontend.enabled }}
- {path: /, pathType: Prefix, service: frontend}
{{- else if .Values.publicRoutes.operatorPaths }}
- {path: /pipeline, pathType: Prefix, service: processingService}
{{- end }}
{{- end -}}

{{/* The name of the Service of a route. Takes a list: the root, the component as values name it. */}}
{{- define "energy-pipeline.routes.service" -}}
{{- $name := get (dict "ingestionApi" "ingestion-api" "processingService" "processing-service" "frontend" "frontend") (index . 1) -}}
{{- printf "%s-%s" (include "energy-pipeline.fullname" (index . 0)) $name -}}
{{- end -}}
