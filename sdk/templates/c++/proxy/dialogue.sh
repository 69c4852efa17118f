# shellcheck shell=bash
connect ann
say ann 'hello\n'
hear ann 'hello\n'
say ann 'again\n'
hear ann 'again\n'

connect mallory
say mallory '!\n'
hear mallory 'not here\n'
hear_end mallory
