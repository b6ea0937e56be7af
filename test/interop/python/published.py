"""A pytest plugin: what the published tests of p2pclient expect from the conftest.py that was not published with them.

The tests launch `p2pd` from PATH through the client's own GoDaemon class, with go-libp2p-daemon's flags, and wait for
go-libp2p-daemon's lines on its stdout.
"""

import asyncio.selector_events
import glob
import os

import pytest

from p2pclient.daemon import Daemon


@pytest.fixture
def daemon_executable():
    return "p2pd"


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch):
    """The Daemon class writes its log and its sockets straight into /tmp and leaves them there."""
    launched, start = [], Daemon._start_logging

    def remembered(daemon):
        launched.append(daemon)
        start(daemon)

    monkeypatch.setattr(Daemon, "_start_logging", remembered)
    yield
    for daemon in launched:
        if daemon.is_closed is False:
            daemon.close()
        control = daemon.log_filename.removeprefix("/tmp/log_p2pd_unix_tmp_").removesuffix("_sock.txt")
        listener = f"/tmp/{control.replace('_control_', '_listen_')}.sock"
        for path in [daemon.log_filename, *glob.glob(listener)]:
            if os.path.exists(path):
                os.unlink(path)


@pytest.fixture(autouse=True)
def accept_only_what_is_wanted(monkeypatch):
    """A listener that is closed in the instant a connection comes in fails the test: unlike its siblings, asyncio's
    accept does not look whether its future has been cancelled before it sets the result.
    """
    loop = asyncio.selector_events.BaseSelectorEventLoop
    accept = loop._sock_accept

    def unless_cancelled(self, future, listener):
        if not future.done():
            accept(self, future, listener)

    monkeypatch.setattr(loop, "_sock_accept", unless_cancelled)
