{{/*
Scripts of the chart's Redis. What a value says never stands outside of single quotes in them, nor as more than one word in
the server's file of users.
*/}}

{{/*
A key's name as a pattern of an ACL that stands for this name. Patterns may have no blanks or control characters: `?` stands
for each of their bytes. `*`, `?`, `[`, `]` and backslashes stand for themselves.
*/}}
{{- define "energy-pipeline.redis.pattern" -}}
{{- $literal := regexReplaceAll "[\\\\*?\\[\\]]" . "\\${0}" -}}
{{- $ascii := regexReplaceAll "[\\x00-\\x20\\x7f]" $literal "?" -}}
{{- $latin := regexReplaceAll "[\\x{80}-\\x{9f}]" $ascii "??" -}}
{{- regexReplaceAll "[\\x{2028}\\x{2029}\\x{feff}\\x{fffe}\\x{ffff}]" $latin "???" -}}
{{- end -}}

{{/*
Makes the server's file of users. The server knows passwords by their hashes, each in both forms: as the program reads it,
without a byte order mark before it and line ends after it, and as it is in the Secret, which is what KEDA sends. KEDA may
look at the stream and its partitions, however many there are, and at nothing else: the server reads its users at its start, and a change of the number needs none.
*/}}
{{- define "energy-pipeline.redis.makeUsers" -}}
set -eu
umask 077
cr=$(printf '\r')
bom=$(printf '\357\273\277')
# `$( )` drops line feeds at the end, each time.
password() {
  text=$(cat "$1")
  text=${text#"$bom"}
  while [ "$text" != "${text%"$cr"}" ]; do text=$(printf %s "${text%"$cr"}"); done
  printf %s "$text"
}
hash() { sha256sum | cut -d ' ' -f 1; }
hashes() {
  [ -n "$(password "$1")" ] || { echo "the password in $1 is empty" >&2; exit 1; }
  printf '#%s #%s' "$(password "$1" | hash)" "$(hash <"$1")"
}
default=$(hashes /login/password)
{{- if include "energy-pipeline.redis.hasKedaUser" . }}
keda=$(hashes /login/keda-password)
{{- end }}
{
  printf 'user default on %s %s\n' "$default" '~* &* +@all'
  {{- if include "energy-pipeline.redis.hasKedaUser" . }}
  {{- $stream := include "energy-pipeline.redis.pattern" .Values.config.redisStream | replace "'" "'\\''" }}
  printf 'user keda on %s %s\n' "$keda" 'resetchannels -@all +ping +hello +info +xinfo|groups +xlen +xpending ~{{ $stream }} ~{{ $stream }}:{[0-9]*}'
  {{- end }}
} >/users/users.acl
password /login/password >/users/cli-password
{{- end -}}

{{/* The server's command line tool, logged in: for the probe, and for people (`sh /config/cli`). */}}
{{- define "energy-pipeline.redis.cli" -}}
{{- if include "energy-pipeline.redis.secret" . -}}
REDISCLI_AUTH=$(cat /users/cli-password)
export REDISCLI_AUTH
{{ end -}}
exec {{ .Values.redis.engine }}-cli -e {{ if .Values.redis.tls.enabled }}--tls --cacert /tls/ca.crt {{ end }}"$@"
{{- end -}}
