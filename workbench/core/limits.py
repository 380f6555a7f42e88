"""Maxima of the timing engine's arrays: a core's actual sizes are checked against them when its file is read."""

from __future__ import annotations

ROB_ENTRIES = 1024
FTQ_ENTRIES = 256
INSTRUCTION_BUFFER = 128
QUEUES = 16
DISPATCH_ENTRIES = 32  # of one dispatch queue
PORTS = 48
TOLD_CYCLES = 16  # for which the fill of issue queues is remembered
MSHRS = 128
STREAMS = 64
STRIDES = 1024
TAGE_TABLES = 8
USE_ALTERNATE = 128  # counters of four bits that tell whether alternates do better than weak counters of TAGE
PREDICTOR_ENTRIES = 65536
FIRST_LEVEL_ENTRIES = 4096  # of the first-level target buffer
LESSONS = 64  # branches whose outcome waits for the direction tables
RAS_ENTRIES = 64
DRAM_BANKS = 512
DRAM_CHANNELS = 16
HARTS = 64
NPU_QUEUE = 64
REGIONS = 16384
L1D_BANKS = 64
KEPT_LINES = 32  # of a store buffer with a threshold
OFFSETS = 64  # of the best-offset prefetcher
RECENT_REQUESTS = 256
SPATIAL_REGIONS = 32
PATTERNS = 256
CACHE_ENTRIES = 1 << 21  # tags of all caches, TLBs and branch target buffers together
