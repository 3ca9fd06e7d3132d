{{/* An image's name. Takes a dict: root, repository, tag, digest, registry (optional). A digest takes precedence over the tag. */}}
{{- define "energy-pipeline.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .registry | default "" -}}
{{- /* `localhost/` is not a registry: no image of another account of Docker Hub is ever pulled. */ -}}
{{- $repository := ternary (trimPrefix "localhost/" .repository) .repository (not (empty $registry)) -}}
{{- $name := ternary (printf "%s/%s" (trimSuffix "/" $registry) $repository) $repository (not (empty $registry)) -}}
{{- if .digest -}}
{{- printf "%s@%s" $name .digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/*
The image of a role of the program: what the role names, else `image`. Takes a list: the root, the role's `image`. A role
that names a tag or an image of its own means that one, whatever digest the program's has.
*/}}
{{- define "energy-pipeline.roleImage" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 -}}
{{- $all := $root.Values.image -}}
{{- $isOwn := or $own.repository $own.tag -}}
{{- include "energy-pipeline.image" (dict
    "root" $root
    "repository" (default $all.repository $own.repository)
    "tag" (default $all.tag $own.tag)
    "digest" (default (ternary "" $all.digest (not (empty $isOwn))) $own.digest)) -}}
{{- end -}}

{{- define "energy-pipeline.imagePullSecrets" -}}
{{- with .Values.global.imagePullSecrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
