"""What an operator does with two MySQL servers that replicate: set up, promote, take back. MySQL 8.4 or later.

Each function is the statements of one runbook, run in the servers' containers.
"""

import time

from bench.chaos.faults import System

SERVERS = ("mysql", "mysql-b")
# For a server that hangs, instead of one that is gone.
FENCE_SECONDS = 2


def sql(system: System, server: str, statements: str, *, user: str = "root", seconds: int = 60) -> str:
    """What the statements return, without headings. Raises RuntimeError with MySQL's error."""
    password = "$MYSQL_ROOT_PASSWORD" if user == "root" else "$MYSQL_PASSWORD"
    client = f'MYSQL_PWD="{password}" timeout {seconds} mysql -h127.0.0.1 -u{user} -N -e "$STATEMENTS"'
    return system.inside(server, client, "--env", f"STATEMENTS={statements}").strip()


def other(server: str) -> str:
    return SERVERS[1 - SERVERS.index(server)]


def set_up(system: System, primary: str) -> None:
    """Both are empty and read-only: one replicates the other, which takes writes from then on."""
    for server in SERVERS:
        sql(
            system,
            server,
            "SET GLOBAL super_read_only = OFF;"
            "CREATE USER replication IDENTIFIED BY 'of-the-lab'; GRANT REPLICATION SLAVE, BACKUP_ADMIN ON *.* TO replication;"
            # What each has done by itself is the same, and is nobody's history.
            "RESET BINARY LOGS AND GTIDS; SET GLOBAL super_read_only = ON",
        )
    follow(system, other(primary), primary)
    _take_writes(system, primary)
    wait_until_followed(system, primary)


def follow(system: System, replica: str, primary: str) -> None:
    """The replica goes on where it is in the history that both share."""
    sql(
        system,
        replica,
        "STOP REPLICA; CHANGE REPLICATION SOURCE TO"
        f" SOURCE_HOST = '{primary}', SOURCE_USER = 'replication', SOURCE_PASSWORD = 'of-the-lab', SOURCE_AUTO_POSITION = 1,"
        " GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400; START REPLICA",
    )


def promote(system: System, server: str) -> None:
    """The replica becomes the primary, with all that the dead one has acknowledged. From here on it takes writes."""
    fence(system, other(server))
    # All that was received is applied first.
    sql(system, server, "STOP REPLICA IO_THREAD")
    received = "(SELECT received_transaction_set FROM performance_schema.replication_connection_status LIMIT 1)"
    done = sql(system, server, f"SELECT WAIT_FOR_EXECUTED_GTID_SET({received}, 60)", seconds=90)
    if done != "0":
        raise RuntimeError(f"{server} cannot apply what it has received: WAIT_FOR_EXECUTED_GTID_SET returned {done!r}")
    sql(system, server, "STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF")


def fence(system: System, server: str) -> None:
    """Lets the server take no more writes, if it still answers."""
    try:
        statements = "SET GLOBAL rpl_semi_sync_source_enabled = OFF; SET GLOBAL super_read_only = ON"
        sql(system, server, statements, seconds=FENCE_SECONDS)
    except RuntimeError:
        return


def rejoin(system: System, old: str, primary: str) -> str:
    """A former primary that was started again becomes the replica. Returns what it had that nobody else has.

    That are transactions which were never acknowledged. With such it cannot follow, so it is made anew from the primary.
    """
    executed = {server: sql(system, server, "SELECT @@global.gtid_executed").replace("\\n", "") for server in SERVERS}
    extra = sql(system, old, f"SELECT GTID_SUBTRACT('{executed[old]}', '{executed[primary]}')")
    if extra:
        sql(system, primary, "GRANT BACKUP_ADMIN ON *.* TO replication")
        sql(system, old, f"SET GLOBAL super_read_only = OFF; SET GLOBAL clone_valid_donor_list = '{primary}:3306'")
        clone = f"CLONE INSTANCE FROM replication@'{primary}':3306 IDENTIFIED BY 'of-the-lab'"
        # At its end the server stops, and is started again.
        system.inside(old, f'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql -h127.0.0.1 -uroot -e "{clone}" || true')
        system.run("start", old)
        wait_for(system, old)
    follow(system, old, primary)
    _take_writes(system, primary)
    wait_until_followed(system, primary)
    return extra


def wait_for(system: System, server: str, seconds: float = 60) -> None:
    """Until the server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            sql(system, server, "SELECT 1")
            return
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def wait_until_followed(system: System, primary: str, seconds: float = 60) -> None:
    """Until each commit of the primary waits for the replica, which has all before it."""
    end = time.monotonic() + seconds
    while "ON" not in sql(system, primary, "SHOW STATUS LIKE 'Rpl_semi_sync_source_status'") or not _clients(
        system, primary
    ):
        if time.monotonic() > end:
            raise RuntimeError(f"{other(primary)} does not replicate: {replica_errors(system, other(primary))}")
        time.sleep(0.3)


def replica_errors(system: System, replica: str) -> str:
    return sql(
        system,
        replica,
        "SELECT last_error_message FROM performance_schema.replication_connection_status;"
        "SELECT last_error_message FROM performance_schema.replication_applier_status_by_worker",
    )


def _clients(system: System, primary: str) -> int:
    return int(sql(system, primary, "SHOW STATUS LIKE 'Rpl_semi_sync_source_clients'").split()[-1])


def _take_writes(system: System, primary: str) -> None:
    sql(
        system,
        primary,
        "SET GLOBAL rpl_semi_sync_source_enabled = ON; SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF",
    )
