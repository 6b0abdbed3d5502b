"""What a process stands on: files, seeds, signals, locks, stores.

It imports nothing: how NumPy sorts must be chosen before anything loads NumPy.
"""
