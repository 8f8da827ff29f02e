"""Several processes of this machine that talk through gloo, without a launcher."""

import multiprocessing
import os
import signal
import traceback

import torch


def in_processes(count, port, function, *arguments):
    """What ``function(*arguments)`` returns in each of ``count`` forked processes, by rank.

    Each has the environment that torchrun gives; joining is left to ``function``.
    """
    context = multiprocessing.get_context('fork')
    answers = context.SimpleQueue()

    def work(rank):
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(count),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
        )
        torch.set_num_threads(1)  # OpenMP's threads do not survive the fork
        try:
            answers.put((rank, function(*arguments), None))
        except Exception:  # noqa: BLE001 - every failure goes to the parent
            answers.put((rank, None, traceback.format_exc()))
        signal.pause()  # one that leaves early aborts the others

    workers = [context.Process(target=work, args=(rank,), daemon=True) for rank in range(count)]
    for worker in workers:
        worker.start()
    try:
        found = {}
        for _ in workers:
            assert answers._reader.poll(120), 'processes wait for each other'
            rank, value, error = answers.get()
            assert error is None, error
            found[rank] = value
        return [found[rank] for rank in range(count)]
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
