package dev.understudy.proto.contract;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Trees such as a YAML parser makes, with the words of contract files in them. */
final class Trees {
  private static final String[] WORDS = {
    "contract",
    "features",
    "input",
    "columns",
    "name",
    "min",
    "max",
    "kind",
    "allowed",
    "action",
    "nan",
    "missing",
    "value",
    "default",
    "trial",
    "rows",
    "eventTime",
    "parameter",
    "column",
    "unit",
    "maxAge",
    "maxAhead",
    "answers",
    "outputs",
    "output",
    "sumToOne",
    "confidence",
    "below",
    "disagree",
    "above",
    "benchmark",
    "wait",
    "timeout",
    "extraction",
    "round",
    "topK",
    "principals",
    "except",
    "decision",
    "cutoff",
    "slices",
    "edges",
    "privacy",
    "log",
    "refuse",
    "clamp",
    "flag",
    "allow",
    "category",
    "ms",
    "s",
    "5m",
    "20ms",
    "review",
    "fallback",
    "probabilities",
    "labels",
    "x",
    "p",
    ""
  };

  private Trees() {}

  static @Nullable Object of(FuzzedDataProvider data, int depth) {
    return switch (data.consumeInt(0, depth == 0 ? 5 : 8)) {
      case 0 -> null;
      case 1 -> data.consumeBoolean();
      case 2 -> data.consumeInt(-3, 130);
      case 3 -> data.consumeDouble();
      case 4 -> data.consumeString(6);
      case 5 -> data.pickValue(WORDS);
      case 6 -> {
        List<@Nullable Object> list = new ArrayList<>();
        for (int i = data.consumeInt(0, 4); i > 0; i--) {
          list.add(of(data, depth - 1));
        }
        yield list;
      }
      default -> {
        Map<Object, @Nullable Object> map = new LinkedHashMap<>();
        for (int i = data.consumeInt(0, 7); i > 0; i--) {
          map.put(data.pickValue(WORDS), of(data, depth - 1));
        }
        yield map;
      }
    };
  }
}
