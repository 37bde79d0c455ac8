#!/bin/sh
# Starts the sidecar: checks every setting, renders the configuration, lets nginx test it, becomes nginx.
#
# POSIX sh and awk only: it runs under dash, busybox and mawk alike. A setting that breaks its rule ends
# the start with exit code 64 and one line that names the setting and the rule, never the value. No key
# is ever in an argument list: awk reads the keys from the environment.
set -eu
LC_ALL=C
export LC_ALL
umask 077

refuse() { # SETTING RULE
    printf 'sidecar: %s %s\n' "$1" "$2" >&2
    exit 64 # EX_USAGE
}

cannot_create() {
    printf 'sidecar: cannot write the configuration below RUNTIME_DIR: it must be a directory that this user may write to\n' >&2
    exit 73 # EX_CANTCREAT
}

plain_name() { # SETTING VALUE
    case $2 in
        '' | *[!A-Za-z0-9._-]*) refuse "$1" 'must be 1 to 64 of A-Z a-z 0-9 . _ -' ;;
    esac
    [ "${#2}" -le 64 ] || refuse "$1" 'must be 1 to 64 of A-Z a-z 0-9 . _ -'
}

whole_number() { # SETTING VALUE LEAST MOST
    case $2 in
        '' | *[!0-9]* | 0* | ??????*) refuse "$1" "must be a whole number from $3 to $4" ;;
    esac
    if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        refuse "$1" "must be a whole number from $3 to $4"
    fi
}

# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────
# "-" and not ":-": unset takes the default, empty is refused. Only TRUSTED_PROXIES may be empty.

REQUIRE_API_KEY=${REQUIRE_API_KEY-true}
RATE_LIMIT=${RATE_LIMIT-5}
RATE_LIMIT_BURST=${RATE_LIMIT_BURST-5}
TRUSTED_PROXIES=${TRUSTED_PROXIES-}
LISTEN=${LISTEN-0.0.0.0:8081}
API_ADDRESS=${API_ADDRESS-127.0.0.1:8080}
WORKER_PROCESSES=${WORKER_PROCESSES-1}
RUNTIME_DIR=${RUNTIME_DIR-/run/sum-api}
UPSTREAM_KEEPALIVE_TIMEOUT=${UPSTREAM_KEEPALIVE_TIMEOUT-60s}
METRICS_NAMESPACE=${METRICS_NAMESPACE-sum-api}
SERVICE_NAME=${SERVICE_NAME-sum-api}
# nginx reads a variable of this name itself, as a list of inherited sockets. It must not see ours.
nginx=${NGINX-nginx}
unset NGINX
export API_KEY RATE_LIMIT RATE_LIMIT_BURST TRUSTED_PROXIES LISTEN API_ADDRESS WORKER_PROCESSES
export UPSTREAM_KEEPALIVE_TIMEOUT METRICS_NAMESPACE SERVICE_NAME
template=$(dirname "$0")/nginx.conf.template
configuration=$RUNTIME_DIR/nginx.conf

case $REQUIRE_API_KEY in
    true | false) ;;
    *) refuse REQUIRE_API_KEY 'must be true or false' ;;
esac
whole_number RATE_LIMIT "$RATE_LIMIT" 1 10000
whole_number RATE_LIMIT_BURST "$RATE_LIMIT_BURST" 1 10000
whole_number WORKER_PROCESSES "$WORKER_PROCESSES" 1 64
plain_name METRICS_NAMESPACE "$METRICS_NAMESPACE"
plain_name SERVICE_NAME "$SERVICE_NAME"

case $RUNTIME_DIR in
    /?*) ;;
    *) refuse RUNTIME_DIR 'must be an absolute path, and not the root directory' ;;
esac

case $UPSTREAM_KEEPALIVE_TIMEOUT in
    *ms) number=${UPSTREAM_KEEPALIVE_TIMEOUT%ms} ;;
    *s) number=${UPSTREAM_KEEPALIVE_TIMEOUT%s} ;;
    *) number= ;;
esac
case $number in
    '' | *[!0-9]* | 0* | ??????*) refuse UPSTREAM_KEEPALIVE_TIMEOUT 'must be a whole number with its unit, ms or s, such as 60s' ;;
esac

# Idle connections to the API that each worker keeps: all of them together stay within the 1,024 that the API takes.
UPSTREAM_KEEPALIVE=$((1024 / WORKER_PROCESSES))
[ "$UPSTREAM_KEEPALIVE" -le 256 ] || UPSTREAM_KEEPALIVE=256
export UPSTREAM_KEEPALIVE

# ── Keys and addresses ───────────────────────────────────────────────────────────────────────────────
# awk prints "SETTING rule" for the first rule that is broken, and nothing when all is well.

[ -n "${API_KEY-}" ] || refuse API_KEY 'must be set: one or more keys separated by commas, each "key" or "client:key"'
broken=$(awk '
    function refuse(setting, rule) { print setting " " rule; exit }

    function check_keys(list,    n, i, entry, colon, client, key) {
        # Of the whole list first: some awks split at a newline as well.
        if (list ~ /[^A-Za-z0-9._:,-]/) return "must hold nothing but keys of A-Z a-z 0-9 . _ - and clients of a-z 0-9 -"
        n = split(list, entry, ",")
        for (i = 1; i <= n; i++) {
            if (entry[i] == "") return "must not hold an empty entry: no comma at either end, no two in a row"
            colon = index(entry[i], ":")
            client = colon ? substr(entry[i], 1, colon - 1) : "default"
            key = substr(entry[i], colon + 1)
            if (length(client) < 1 || length(client) > 32 || client ~ /[^a-z0-9-]/)
                return "must name each client with 1 to 32 of a-z 0-9 -"
            if (length(key) < 8 || length(key) > 128) return "must hold keys of 8 to 128 characters"
            if (key ~ /:/) return "must hold at most one colon in an entry"
            if (key in seen) return "must not list a key twice"
            seen[key] = 1
        }
        return ""
    }

    function is_number(text, least, most) {
        return text ~ /^[0-9]+$/ && length(text) <= 5 && text !~ /^0./ && text + 0 >= least && text + 0 <= most
    }

    function is_ipv4(text,    n, i, part) {
        n = split(text, part, ".")
        for (i = 1; i <= n; i++) if (!is_number(part[i], 0, 255)) return 0
        return n == 4
    }

    # Groups of one to four hex digits: eight, or fewer around exactly one "::".
    function is_ipv6(text,    n, i, part, groups, gap) {
        if (text !~ /^[0-9A-Fa-f:]+$/ || text ~ /:::/) return 0
        if (text ~ /^:[^:]/ || text ~ /[^:]:$/) return 0
        gap = gsub(/::/, ":-:", text)
        if (gap > 1) return 0
        n = split(text, part, ":")
        for (i = 1; i <= n; i++) {
            if (part[i] == "" || part[i] == "-") continue
            if (length(part[i]) > 4) return 0
            groups++
        }
        return gap ? groups <= 7 : groups == 8
    }

    # Prints the part of all addresses that a network holds, and 0 for what is no network.
    function share(text,    slash, address, prefix) {
        slash = index(text, "/")
        address = substr(text, 1, slash - 1)
        prefix = substr(text, slash + 1)
        if (slash && ((is_ipv4(address) && is_number(prefix, 8, 32)) || (is_ipv6(address) && is_number(prefix, 8, 128)))) return 2 ^ -prefix
        return 0
    }

    # Who trusts everyone believes each X-Forwarded-For that a caller writes. Several networks can hold everyone
    # together, so the sum counts.
    function check_networks(list,    n, i, entry, sum) {
        if (list ~ /[^0-9A-Fa-f.:\/,]/) return 0
        n = split(list, entry, ",")
        for (i = 1; i <= n; i++) {
            if (!share(entry[i])) return 0
            sum += share(entry[i])
        }
        return sum <= 1 / 16
    }

    function is_socket(text, names_too,    at, host, port) {
        if (match(text, /:[0-9]+$/) == 0) return 0
        host = substr(text, 1, RSTART - 1)
        port = substr(text, RSTART + 1)
        if (!is_number(port, 1, 65535)) return 0
        if (is_ipv4(host)) return 1
        if (host ~ /^\[.*\]$/) return is_ipv6(substr(host, 2, length(host) - 2))
        return names_too && length(host) <= 253 && host ~ /^[a-z0-9][a-z0-9.-]*$/ && host ~ /[a-z]/
    }

    BEGIN {
        if (rule = check_keys(ENVIRON["API_KEY"])) refuse("API_KEY", rule)
        if (!check_networks(ENVIRON["TRUSTED_PROXIES"]))
            refuse("TRUSTED_PROXIES", "must be networks such as 10.0.0.0/16 separated by commas, none larger than a /8 and no more than a sixteenth of all addresses together, or empty for nobody")
        if (!is_socket(ENVIRON["LISTEN"], 0))
            refuse("LISTEN", "must be an address and a port, such as 0.0.0.0:8081 or [::]:8081")
        if (!is_socket(ENVIRON["API_ADDRESS"], 1))
            refuse("API_ADDRESS", "must be an address or a host name and a port, such as 127.0.0.1:8080")
    }
') || refuse API_KEY 'could not be checked: awk failed'
[ -z "$broken" ] || refuse "${broken%% *}" "${broken#* }"

# ── nginx ────────────────────────────────────────────────────────────────────────────────────────────

version=$("$nginx" -v 2>&1) || refuse NGINX 'must name an nginx that can be run'
if [ "$REQUIRE_API_KEY" = false ]; then
    # Before 1.23 nginx sees the first of two X-Api-Key headers only. Then the API has to refuse the second.
    version=${version##*/}
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%.*}
    case $major$minor in
        '' | *[!0-9]*) refuse REQUIRE_API_KEY 'may be false only with nginx 1.23 or newer: the version of this one is not known' ;;
    esac
    if [ "$major" -lt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -lt 23 ]; }; then
        refuse REQUIRE_API_KEY 'may be false only with nginx 1.23 or newer: older ones do not see a second X-Api-Key'
    fi
fi

# Only root can give the workers another user, and nginx warns when anyone else asks for it.
SIDECAR_USER=
if [ "$(id -u)" -eq 0 ]; then
    SIDECAR_USER="user nobody $(id -gn nobody);"
fi
export REQUIRE_API_KEY SIDECAR_USER

# ── Render ───────────────────────────────────────────────────────────────────────────────────────────
# A fresh file, so that it is readable by its owner alone whatever lay there before.

{
    mkdir -p "$RUNTIME_DIR"
    rm -f "$configuration"
    set -C
    awk '
        function keys(    n, i, entry, colon, client, key) {
            n = split(ENVIRON["API_KEY"], entry, ",")
            for (i = 1; i <= n; i++) {
                colon = index(entry[i], ":")
                client = colon ? substr(entry[i], 1, colon - 1) : "default"
                key = substr(entry[i], colon + 1)
                print "        if ($http_x_api_key = \"" key "\") { set $client \"" client "\"; }"
            }
        }

        # What finds a key in a text, as lines of a map: nginx reads at most 4,096 characters of one.
        function key_patterns(    n, i, entry, key, pattern) {
            n = split(ENVIRON["API_KEY"], entry, ",")
            for (i = 1; i <= n; i++) {
                key = substr(entry[i], index(entry[i], ":") + 1)
                gsub(/[.]/, "[.]", key)
                pattern = pattern (pattern == "" ? "" : "|") key
                if (i == n || length(pattern) > 3000) {
                    print "        \"~(?:" pattern ")\" 1;"
                    pattern = ""
                }
            }
        }

        function trusted_proxies(    n, i, entry) {
            n = split(ENVIRON["TRUSTED_PROXIES"], entry, ",")
            for (i = 1; i <= n; i++) print "    set_real_ip_from " entry[i] ";"
        }

        function api_key_header() {
            if (ENVIRON["REQUIRE_API_KEY"] == "true") print "    # X-Api-Key goes on as it came: REQUIRE_API_KEY is true, the API checks it again."
            else print "    # REQUIRE_API_KEY is false: the key ends here.\n    proxy_set_header X-Api-Key \"\";"
        }

        $0 == "@USER@" { if (ENVIRON["SIDECAR_USER"] != "") print ENVIRON["SIDECAR_USER"]; next }
        $0 == "@API_KEYS@" { keys(); next }
        $0 == "@KEY_PATTERNS@" { key_patterns(); next }
        $0 == "@TRUSTED_PROXIES@" { trusted_proxies(); next }
        $0 == "@API_KEY_HEADER@" { api_key_header(); next }
        {
            while (match($0, /@[A-Z_]+@/))
                $0 = substr($0, 1, RSTART - 1) ENVIRON[substr($0, RSTART + 1, RLENGTH - 2)] substr($0, RSTART + RLENGTH)
            print
        }
    ' "$template" >"$configuration"
} 2>/dev/null || cannot_create

# ── Become nginx ─────────────────────────────────────────────────────────────────────────────────────

unset API_KEY
tested() { "$nginx" -t -q -e stderr -p "$RUNTIME_DIR/" -c "$configuration" 2>&1; }

said=$(tested) || case $said in
    *'unknown directive "max_headers"'*)
        # In nginx since 1.29.8, and in older ones that a distribution keeps secure.
        rest=$(grep -v '^ *max_headers ' "$configuration")
        printf '%s\n' "$rest" >|"$configuration"
        unset rest
        said=$(tested) || false
        ;;
    *) false ;;
esac || {
    printf '%s\nsidecar: nginx refuses the configuration; its own message is above\n' "$said" >&2
    exit 78 # EX_CONFIG
}
exec "$nginx" -e stderr -p "$RUNTIME_DIR/" -c "$configuration" -g 'daemon off;'
