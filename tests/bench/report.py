"""What was measured, as tables for people and as JSON for machines."""

import os
import platform
from dataclasses import asdict, dataclass
from statistics import median


@dataclass
class Target:
    """A bound that one server of a subject is held against: the best of `bounds`, by the median, times `limit`."""
    kind: str  # "cost": at most; "rate": at least
    bounds: list[str]
    limit: float

    def judge(self, samples):
        """None if no bound was measured. Each round's ratio compares what ran side by side, so drift cancels out."""
        def value(sample):
            return sample.cost if self.kind == "cost" else sample.rate
        measured = [name for name in self.bounds if name in samples]
        if not measured:
            return None
        best = (min if self.kind == "cost" else max)(measured, key=lambda name: median(map(value, samples[name])))
        ratio = median(value(mine) / value(theirs) for mine, theirs in zip(samples["gatehouse"], samples[best]))
        of_medians = median(map(value, samples["gatehouse"])) / median(map(value, samples[best]))
        met = ratio <= self.limit if self.kind == "cost" else ratio >= self.limit
        return {"kind": self.kind, "bound": best, "limit": self.limit, "ratio": ratio, "ratio_of_medians": of_medians, "met": met}


def spread(values, digits):
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(header, rows):
    """A Markdown table with aligned columns."""
    cells = [header, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def target_line(result):
    sign, unit = ("≤", "CPU") if result["kind"] == "cost" else ("≥", "rate")
    return (f"{'met   ' if result['met'] else 'MISSED'}  {unit}: {result['ratio']:.2f} × {result['bound']} "
            f"(target {sign} {result['limit']:.2f}; ratio of the medians {result['ratio_of_medians']:.2f})")


def load_report(subject, load, samples, judge):
    """The tables' text and the machine-readable form of a subject that was driven in rounds."""
    digits = 2 if load.rate_unit == "Gbit/s" else 0
    latency = any("p99_ms" in sample.extra for runs in samples.values() for sample in runs)
    rows = []
    for name, runs in samples.items():
        costs = [sample.cost for sample in runs if sample.cost is not None]
        row = [name, spread([sample.rate for sample in runs], digits), spread(costs, 1) if costs else "–"]
        if latency:
            row.append(spread([sample.extra["p99_ms"] for sample in runs], 2))
        rows.append(row)
    header = ["server", load.rate_unit, load.cost_unit] + (["p99 ms"] if latency else [])
    results = [result for target in subject.targets if judge and (result := target.judge(samples))]
    text = f"### {subject.name}: {subject.title}\n\n{table(header, rows)}\n"
    if results:
        text += "\n" + "\n".join(map(target_line, results)) + "\n"
    return text, {"name": subject.name, "title": subject.title, "rate_unit": load.rate_unit, "cost_unit": load.cost_unit,
                  "servers": {name: [asdict(sample) for sample in runs] for name, runs in samples.items()}, "targets": results}


def idle_report(rows, seconds, judge):
    """`rows`: what bench.measure_idle() gives. A row's targets are those that apply to its server."""
    cells = [[row["name"], f"{row['connections']:,}", f"{row['rss_before'] / 2**20:.1f}", f"{row['rss_after'] / 2**20:.1f}",
              f"{row['kb_per_connection']:.2f}" if row["connections"] else "–", f"{row['threads']:,}", str(row["switches"]),
              f"{row['cpu_ms']:.2f}"] for row in rows]
    text = (f"### idle: connections that were answered and then rest; context switches and CPU time within {seconds} s\n\n" +
            table(["server", "connections", "RSS before, MB", "RSS then, MB", "KB each", "threads", "switches", "CPU ms"], cells))
    lines = []
    for row in rows:
        row["targets"] = []
        if judge and row["kb_limit"] is not None:
            row["targets"].append({"kind": "kb_per_connection", "value": row["kb_per_connection"], "limit": row["kb_limit"],
                                   "met": row["kb_per_connection"] <= row["kb_limit"]})
        if judge and row["must_rest"]:
            row["targets"].append({"kind": "switches", "value": row["switches"], "limit": 0, "met": row["switches"] == 0})
        lines += [f"{'met   ' if target['met'] else 'MISSED'}  {row['name']}: {target['kind']} {target['value']:.2f} "
                  f"(target ≤ {target['limit']})" for target in row["targets"]]
    return text + "\n" + ("\n" + "\n".join(lines) + "\n" if lines else ""), {"name": "idle", "seconds": seconds, "rows": rows}


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(),
            "load_average": os.getloadavg()[0]}
