# shellcheck shell=bash
connect ann
connect bob
say ann 'set colour light blue\nget colour\n'
hear ann 'ok\nok light blue\n'
say bob 'get colour\nquit\n'
hear bob 'ok light blue\nok\n'
hear_end bob
