#!/bin/sh
# Starts Memcached; options may be given without the command's name.
case ${1:-} in -*) set -- memcached "$@" ;; esac
exec "$@"
