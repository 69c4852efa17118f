# shellcheck shell=bash
connect ann
say ann 'abc\nde'
hear ann 'cba\n'
say ann 'f\n'
hear ann 'fed\n'
