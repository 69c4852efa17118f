# shellcheck shell=bash
connect ann
say ann '\0\0\0\005hello\0\0'
hear ann '\0\0\0\005olleh'
say ann '\0\002on'
hear ann '\0\0\0\002no'

connect mallory
say mallory '\xff\xff\xff\xff'
hear_end mallory
