"""Scripts that count in each shard what OpenSearch's own aggregations count approximately.

All documents of a group are in one shard, so the counts of shards can be added up. Scripts have parameters and no
constants of a search, so that each is compiled once.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

# How many fields `values_of_groups` counts at once.
MAX_FIELDS = 8

# A bit for each group, in blocks of 4,096. The lowest bit of a key tells whether it is that of a group.
_GROUPS = {
    "init_script": "state.blocks = new HashMap(); state.alone = new int[1];",
    "map_script": """
        long key = doc['group'].value;
        if (key % 2L == 0L) {
          ((int[])state.alone)[0]++;
        } else {
          long block = key >> 13;
          BitSet bits = (BitSet)state.blocks.get(block);
          if (bits == null) {
            bits = new BitSet(4096);
            state.blocks.put(block, bits);
          }
          bits.set((int)((key >> 1) & 4095L));
        }
        """,
    "combine_script": """
        long[] sum = new long[] {((int[])state.alone)[0]};
        ((Map)state.blocks).forEach((block, bits) -> { sum[0] += ((BitSet)bits).cardinality(); });
        return sum[0];
        """,
    "reduce_script": "long sum = 0; for (count in states) { sum += count; } return sum;",
}
_SUM_OF_MAPS = """
    Map sums = new HashMap();
    for (counts in states) { counts.forEach((key, count) -> sums.merge(key, count, (a, b) -> a + b)); }
    return sums;
    """
_TEXT_KEYS = """
    Map counts = new HashMap();
    ((Map)state.counts).forEach((key, count) -> counts.put(key.toString(), ((int[])count)[0]));
    """
# The pairs of a field and a value that a group has are a list of up to 63 numbers, or else a set.
_VALUES = {
    "init_script": "state.counts = new HashMap(); state.groups = new HashMap();",
    "map_script": """
        Map counts = (Map)state.counts;
        long group = doc['group'].value;
        boolean isMember = (boolean)params.grouped && group % 2L == 1L;
        def known = isMember ? state.groups.get(group) : null;
        Set many = known instanceof Set ? (Set)known : null;
        long[] few = known != null && many == null ? (long[])known : new long[8];
        int size = (int)few[0];
        def fields = params.fields;
        int numFields = fields.length;
        for (int f = 0; f < numFields; f++) {
          ScriptDocValues.Longs values = (ScriptDocValues.Longs)doc[(String)fields[f]];
          int numValues = values.size();
          for (int v = 0; v < numValues; v++) {
            long pair = values.get(v).longValue() * 8L + f;
            boolean isNew = true;
            if (many != null) {
              isNew = many.add(pair);
            } else if (isMember) {
              for (int i = 1; i <= size; i++) { if (few[i] == pair) { isNew = false; break; } }
              if (isNew && size == 63) {
                many = new HashSet();
                for (int i = 1; i <= size; i++) { many.add(few[i]); }
                many.add(pair);
                state.groups.put(group, many);
              } else if (isNew) {
                size++;
                if (size == few.length) {
                  long[] longer = new long[2 * size];
                  for (int i = 1; i < size; i++) { longer[i] = few[i]; }
                  few = longer;
                }
                few[size] = pair;
              }
            }
            if (isNew) {
              int[] count = (int[])counts.get(pair);
              if (count == null) { counts.put(pair, new int[] {1}); } else { count[0]++; }
            }
          }
        }
        if (isMember && many == null) {
          few[0] = size;
          state.groups.put(group, few);
        }
        """,
    "combine_script": _TEXT_KEYS + "return counts;",
    "reduce_script": _SUM_OF_MAPS,
}
_SETS = {
    "init_script": "state.counts = new HashMap(); state.groups = new HashMap();",
    "map_script": """
        long group = doc['group'].value;
        long value = doc[(String)params.field].value;
        if (group % 2L == 0L) {
          int[] count = (int[])state.counts.get(value);
          if (count == null) { state.counts.put(value, new int[] {1}); } else { count[0]++; }
        } else {
          def known = state.groups.get(group);
          if (known == null) {
            state.groups.put(group, value);
          } else if (known instanceof Set) {
            ((Set)known).add(value);
          } else if ((long)known != value) {
            Set several = new HashSet();
            several.add(known);
            several.add(value);
            state.groups.put(group, several);
          }
        }
        """,
    "combine_script": _TEXT_KEYS
    + """
        ((Map)state.groups).forEach((group, known) -> {
          String key = known.toString();
          if (known instanceof Set) {
            StringBuilder text = new StringBuilder();
            ((Set)known).forEach(value -> text.append(value.toString()).append(' '));
            key = text.toString().trim();
          }
          counts.merge(key, 1, (a, b) -> a + b);
        });
        return counts;
        """,
    "reduce_script": _SUM_OF_MAPS,
}


def number_of_groups() -> dict[str, Any]:
    """Counts groups, and products without one, exactly. Takes a bit for each group."""
    return {"scripted_metric": _GROUPS}


def values_of_groups(fields: Sequence[str], *, grouped: bool = True) -> dict[str, Any]:
    """Counts, for each whole number of the fields, the groups of which a product has it; read by `counts_by_field`.

    Counts products unless `grouped`. Takes about 150 bytes for each group.
    """
    return {"scripted_metric": {**_VALUES, "params": {"fields": [*fields], "grouped": grouped}}}


def sets_of_groups(field: str) -> dict[str, Any]:
    """Counts groups by all the numbers that their products have in a field; read by `counts_by_set`."""
    return {"scripted_metric": {**_SETS, "params": {"field": field}}}


def counts_by_field(fields: Sequence[str], result: dict[str, Any]) -> dict[str, Counter[int]]:
    """The counts by field and value."""
    counts: dict[str, Counter[int]] = {field: Counter() for field in fields}
    for pair, count in (result["value"] or {}).items():
        value, place = divmod(int(pair), MAX_FIELDS)
        counts[fields[place]][value] = count
    return counts


def counts_by_set(result: dict[str, Any]) -> Counter[tuple[int, ...]]:
    """The counts by the values of a group, in order."""
    counts: Counter[tuple[int, ...]] = Counter()
    for values, count in (result["value"] or {}).items():
        counts[tuple(sorted(map(int, values.split())))] += count
    return counts
