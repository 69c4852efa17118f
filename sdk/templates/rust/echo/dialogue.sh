# shellcheck shell=bash
connect ann
say ann 'hello\n'
hear ann 'hello\n'
say ann '\0\n'
hear ann '\0\n'
