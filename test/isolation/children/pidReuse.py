"""Opens a connection as one user, and uses it as another whose process has the same pid by then. Root, in a PID namespace.

pidReuse.py SOCKET TENANT_UID OTHER_UID TENANT_PEER_ID_HEX ROUNDS, prints {"rounds": n, "reused": n, "wrong": [...]}.
The connection is made on a socket that the parent shares, so that nothing has to be passed on.
"""
import json
import os
import socket
import sys

PATH, TENANT, OTHER, PEER_ID, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4]), int(sys.argv[5])
IDENTIFY = b'\x02\x08\x00'
# Another process may be forked in between: then it is tried again.
ATTEMPTS = 100


def run_as(uid, work, pid=None):
    """Runs the work in a process of that user, with that pid if one is given; returns (pid, what it returned)."""
    for _ in range(ATTEMPTS):
        reading, writing = os.pipe()
        if pid is not None:
            with open('/proc/sys/kernel/ns_last_pid', 'w') as last:
                last.write(str(pid - 1))
        child = os.fork()
        if child == 0:
            try:
                if pid is None or os.getpid() == pid:
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                    os.write(writing, work())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, 'rb') as pipe:
            came = pipe.read()
        os.waitpid(child, 0)
        if pid is None or child == pid:
            return child, came
    raise SystemExit(f'pid {pid} was not to be had')


def ask(connection):
    connection.settimeout(20)
    try:
        connection.sendall(IDENTIFY)
        return connection.recv(4096)
    except OSError as error:
        return str(error).encode()


def connect(connection):
    connection.connect(PATH)
    return b''


wrong, reused = [], 0
for number in range(ROUNDS):
    opener, user = (TENANT, OTHER) if number % 2 == 0 else (OTHER, TENANT)
    with socket.socket(socket.AF_UNIX) as connection:
        pid, _ = run_as(opener, lambda: connect(connection))
        same, answer = run_as(user, lambda: ask(connection), pid)
        reused += pid == same
    knows, refused = PEER_ID in answer, f'uid {OTHER} may not use tenant'.encode() in answer
    if (knows, refused) != ((True, False) if opener == TENANT else (False, True)):
        wrong.append([number, opener, answer.decode('latin1')])
print(json.dumps({'rounds': ROUNDS, 'reused': reused, 'wrong': wrong[:10]}))
