# shellcheck shell=bash
connect ann
connect bob
say ann 'sub news\npub news I am here\n'
hear ann 'news I am here\n' # the host has read what Ann subscribes to
say bob 'pub weather rain\npub news hello\n'
hear ann 'news hello\n'
