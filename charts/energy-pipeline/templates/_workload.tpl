{{/*
The Deployment of a component, or another kind of workload. Takes a dict:
  root, component, values (the component's), image, args, env, mounts, volumes, port,
  owned (who else decides on the replicas; none if empty), security (of the pod), configMap (whether the program's is read),
  kind (`StatefulSet` for pods that keep their names; `Deployment` if empty),
  metricsPort (the number of a port of its own for probes and Prometheus; none if empty), scheme (of probes; `HTTP` if empty).
*/}}
{{- define "energy-pipeline.deployment" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $labels := include "energy-pipeline.selectorLabels" (list $root .component) | fromYaml -}}
apiVersion: apps/v1
kind: {{ .kind | default "Deployment" }}
metadata:
  name: {{ printf "%s-%s" (include "energy-pipeline.fullname" $root) .component | quote }}
  labels:
    {{- include "energy-pipeline.labels" (list $root .component) | nindent 4 }}
  {{- with $values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if not .owned }}
  replicas: {{ $values.replicaCount | int64 }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- toYaml $labels | nindent 6 }}
  {{- if eq (.kind | default "Deployment") "StatefulSet" }}
  serviceName: {{ printf "%s-%s" (include "energy-pipeline.fullname" $root) .component | quote }}
  podManagementPolicy: Parallel
  updateStrategy:
    {{- toYaml $values.updateStrategy | nindent 4 }}
  {{- else }}
  strategy:
    {{- toYaml $values.strategy | nindent 4 }}
  {{- end }}
  template:
    metadata:
      labels:
        {{- include "energy-pipeline.podLabels" (list $root .component) | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $checksums := ternary (include "energy-pipeline.checksums" $root | fromYaml) (dict) .configMap }}
      {{- with merge (dict) $values.podAnnotations $checksums }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- with include "energy-pipeline.imagePullSecrets" $root }}
      {{- . | nindent 6 }}
      {{- end }}
      serviceAccountName: {{ include "energy-pipeline.serviceAccount.name" $root | quote }}
      automountServiceAccountToken: false
      # Variables that Kubernetes makes of Services, such as REDIS_PORT, would be taken for settings.
      enableServiceLinks: false
      securityContext:
        {{- include "energy-pipeline.podSecurity" (list $root .security) | nindent 8 }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds | int64 }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . | quote }}
      {{- end }}
      {{- with $values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component | quote }}
          image: {{ .image | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy | default $root.Values.image.pullPolicy | quote }}
          {{- with .args }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- with .port }}
            - {name: http, containerPort: {{ . | int64 }}, protocol: TCP}
            {{- end }}
            {{- with .metricsPort }}
            - {name: metrics, containerPort: {{ . | int64 }}, protocol: TCP}
            {{- end }}
          {{- with concat .env $values.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- if or .configMap $values.extraEnvFrom }}
          envFrom:
            {{- if .configMap }}
            - configMapRef: {name: {{ printf "%s-config" (include "energy-pipeline.fullname" $root) | quote }}}
            {{- end }}
            {{- with $values.extraEnvFrom }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- end }}
          {{- with include "energy-pipeline.probes" (list $values.probes (ternary "metrics" "http" (not (empty .metricsPort))) .scheme) | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          {{- with include "energy-pipeline.lifecycle" (list $root $values) | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- toYaml $root.Values.securityContext | nindent 12 }}
          {{- with concat .mounts $values.extraVolumeMounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- with $values.sidecars }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with concat .volumes $values.extraVolumes }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "energy-pipeline.scheduling" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- range . }}
        - {{- toYaml (merge (dict) . (dict "labelSelector" (dict "matchLabels" $labels))) | nindent 10 }}
        {{- end }}
      {{- end }}
{{- end -}}

{{/*
A Deployment of a role of the program. Takes a dict: root, component, values, port, variable (the port's), env, owned, archive (whether it
reads the archive).
*/}}
{{- define "energy-pipeline.role" -}}
{{- $settings := list
    (dict "name" .variable "value" (.port | int64 | toString))
    (dict "name" "DRAIN_TIMEOUT_MS" "value" (.root.Values.config.drainTimeoutMs | int64 | toString)) -}}
{{- $archive := dict "env" (list) "mounts" (list) "volumes" (list) -}}
{{- if .archive -}}{{- $archive = include "energy-pipeline.archive.files" .root | fromYaml -}}{{- end -}}
{{- include "energy-pipeline.deployment" (merge (dict
    "image" (include "energy-pipeline.roleImage" (list .root .values.image))
    "args" (list .component)
    "env" (concat $settings .env $archive.env)
    "mounts" (concat (include "energy-pipeline.redis.mounts" .root | fromYamlArray) (include "energy-pipeline.security.mounts" .root | fromYamlArray) $archive.mounts)
    "volumes" (concat (include "energy-pipeline.redis.volumes" .root | fromYamlArray) (include "energy-pipeline.security.volumes" .root | fromYamlArray) $archive.volumes)
    "metricsPort" (ternary .root.Values.metrics.port nil (not (empty (include "energy-pipeline.security.hasMetricsPort" .root))))
    "security" .root.Values.podSecurityContext
    "configMap" true) .) -}}
{{- end -}}

{{/* Settings that pods read at their start only: a change replaces them. The password is read for each connection. */}}
{{- define "energy-pipeline.checksums" -}}
checksum/config: {{ include (print .Template.BasePath "/configmap.yaml") . | sha256sum | quote }}
{{- end -}}

{{/* A probe without a handler in its values gets its default path. Takes a list: the probes, the name of the port, the scheme (HTTP if empty). */}}
{{- define "energy-pipeline.probes" -}}
{{- $paths := dict "startup" "/livez" "liveness" "/livez" "readiness" "/readyz" -}}
{{- $probes := index . 0 -}}
{{- $handler := dict "port" (index . 1) -}}
{{- with index . 2 }}{{ $_ := set $handler "scheme" . }}{{ end -}}
{{- range $kind := list "startup" "liveness" "readiness" }}
{{- with index $probes $kind }}
{{- $own := or .httpGet .exec .tcpSocket .grpc }}
{{- $standard := ternary (dict) (dict "httpGet" (merge (dict "path" (index $paths $kind)) $handler)) (not (empty $own)) }}
{{ $kind }}Probe:
  {{- toYaml (merge (dict) . $standard) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Time for those who send requests to learn that this pod ends. There is no shell in the image, so Kubernetes itself must
know how to sleep.
*/}}
{{- define "energy-pipeline.lifecycle" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
{{- if $values.lifecycle }}
lifecycle:
  {{- toYaml $values.lifecycle | nindent 2 }}
{{- else if and (gt (int $values.preStopSleepSeconds) 0) (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
lifecycle:
  preStop:
    sleep: {seconds: {{ $values.preStopSleepSeconds | int64 }}}
{{- end }}
{{- end -}}

{{- define "energy-pipeline.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A Service of a component. Takes a dict: root, name, selects (the component), values (`service`), scheme (`http` if empty). */}}
{{- define "energy-pipeline.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ printf "%s-%s" (include "energy-pipeline.fullname" .root) .name | quote }}
  labels:
    {{- include "energy-pipeline.labels" (list .root .name) | nindent 4 }}
  {{- with .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .values.type | quote }}
  selector:
    {{- include "energy-pipeline.selectorLabels" (list .root .selects) | nindent 4 }}
  ports:
    - {name: http, port: {{ .values.port | int64 }}, targetPort: http, protocol: TCP{{ if eq (.scheme | default "http") "https" }}, appProtocol: https{{ end }}}
{{- end -}}

{{/* A HorizontalPodAutoscaler by CPU. Takes a dict: root, component, values (`autoscaling`). */}}
{{- define "energy-pipeline.hpa" -}}
{{- $name := printf "%s-%s" (include "energy-pipeline.fullname" .root) .component -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name | quote }}
  labels:
    {{- include "energy-pipeline.labels" (list .root .component) | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name | quote }}}
  minReplicas: {{ .values.minReplicas | int64 }}
  maxReplicas: {{ .values.maxReplicas | int64 }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .values.targetCPUUtilizationPercentage | int64 }}}
  {{- with .values.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* A PodDisruptionBudget. Takes a dict: root, component, values (`pdb`). */}}
{{- define "energy-pipeline.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ printf "%s-%s" (include "energy-pipeline.fullname" .root) .component | quote }}
  labels:
    {{- include "energy-pipeline.labels" (list .root .component) | nindent 4 }}
spec:
  maxUnavailable: {{ ternary (quote .values.maxUnavailable) (.values.maxUnavailable | int64) (kindIs "string" .values.maxUnavailable) }}
  {{- if semverCompare ">=1.27-0" .root.Capabilities.KubeVersion.Version }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  {{- end }}
  selector:
    matchLabels:
      {{- include "energy-pipeline.selectorLabels" (list .root .component) | nindent 6 }}
{{- end -}}

{{/*
The security context of a pod. OpenShift picks user and group itself, and refuses pods that name others. Takes a list: the
root, the context.
*/}}
{{- define "energy-pipeline.podSecurity" -}}
{{- $context := index . 1 -}}
{{- if (index . 0).Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}
