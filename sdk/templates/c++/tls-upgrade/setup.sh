# shellcheck shell=bash disable=SC2154 # end_to_end.sh sets them
"$gatehouse" dev-cert "$folder/certificates" >"$folder/dev-cert.log"
