# shellcheck shell=bash disable=SC2154 # end_to_end.sh sets them
connect ann
hear ann '+OK hello\r\n'
say ann 'SECRET\r\n'
hear ann '-ERR only with TLS\r\n'

connect mallory
hear mallory '+OK hello\r\n'
say mallory 'STLS\r\nSECRET\r\n'
hear mallory '+OK go ahead\r\n'
hear_end mallory

heard=$(printf 'SECRET\r\nQUIT\r\n' | timeout 10 openssl s_client -ign_eof -starttls pop3 -verify_return_error \
    -CAfile "$folder/certificates/ca.pem" -connect "127.0.0.1:$port" 2>&1) || fail "openssl says $heard"
[[ $heard == *'+OK 42'*'+OK goodbye'* ]] || fail "with TLS the client hears $heard"
