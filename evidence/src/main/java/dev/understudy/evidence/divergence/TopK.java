package dev.understudy.evidence.divergence;

/** The places of the k greatest elements, of equals the first, in one pass over chunks. */
final class TopK {
  private final double[] values = new double[OutputPlan.MOST_TOP_K];
  private final int[] places = new int[OutputPlan.MOST_TOP_K];
  private int k;
  private int held;

  void begin(int count) {
    k = count;
    held = 0;
  }

  /** Takes up the elements at places {@code from} and after; no NaN. */
  void add(double[] chunk, int from, int n) {
    for (int j = 0; j < n; j++) {
      double value = chunk[j];
      if (held < k || value > values[k - 1]) {
        insert(value, from + j);
      }
    }
  }

  private void insert(double value, int place) {
    int at = held < k ? held++ : k - 1;
    while (at > 0 && values[at - 1] < value) {
      values[at] = values[at - 1];
      places[at] = places[at - 1];
      at--;
    }
    values[at] = value;
    places[at] = place;
  }

  /** Places that both hold. */
  int shared(TopK other) {
    int shared = 0;
    for (int i = 0; i < held; i++) {
      for (int j = 0; j < other.held; j++) {
        if (places[i] == other.places[j]) {
          shared++;
        }
      }
    }
    return shared;
  }
}
