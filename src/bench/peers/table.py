"""Reads lines "name milliseconds", several rounds of them, and prints medians and ratios as Markdown."""

import os
import platform
import statistics
import sys

rounds = {}
for line in sys.stdin:
    name, *time = line.split()
    if time:
        rounds.setdefault(name, []).append(float(time[0]))
medians = {name: statistics.median(times) for name, times in rounds.items()}
if "spikewise" not in medians:
    sys.exit("spikewise itself gave no time")
print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {os.environ['THREADS']} threads\n")
print("| one epoch of the tutorial's job | ms | times spikewise |\n|---|---:|---:|")
for name, ms in sorted(medians.items(), key=lambda item: item[1]):
    print(f"| {name} | {ms:.2f} | {ms / medians['spikewise']:.1f} |")
