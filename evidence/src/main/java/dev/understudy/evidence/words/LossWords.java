package dev.understudy.evidence.words;

import dev.understudy.proto.v1.Loss;

/** How a rise or a fall of a loss is said. */
final class LossWords {
  private LossWords() {}

  static String claim(Loss loss, double margin) {
    if (margin == 0) {
      return switch (loss) {
        case ZERO_ONE -> "wrong decisions no more frequent";
        case VALUE -> "decisions worth no less";
        default -> name(loss) + " no higher";
      };
    }
    boolean rise = margin > 0;
    double size = StrictMath.abs(margin);
    return switch (loss) {
      case ZERO_ONE ->
          rise
              ? "wrong decisions at most " + Numbers.points(size) + " more frequent"
              : "wrong decisions at least " + Numbers.points(size) + " less frequent";
      case VALUE ->
          rise
              ? "decisions worth at most " + Numbers.decimal(size) + " less each"
              : "decisions worth at least " + Numbers.decimal(size) + " more each";
      default ->
          name(loss)
              + (rise ? " at most " : " at least ")
              + Numbers.decimal(size)
              + (rise ? " higher" : " lower");
    };
  }

  static String reproach(Loss loss, double limit) {
    if (limit == 0) {
      return switch (loss) {
        case ZERO_ONE -> "wrong decisions more frequent";
        case VALUE -> "decisions worth less";
        default -> name(loss) + " higher";
      };
    }
    boolean rise = limit > 0;
    double size = StrictMath.abs(limit);
    return switch (loss) {
      case ZERO_ONE ->
          rise
              ? "wrong decisions more than " + Numbers.points(size) + " more frequent"
              : "wrong decisions not at least " + Numbers.points(size) + " less frequent";
      case VALUE ->
          rise
              ? "decisions worth more than " + Numbers.decimal(size) + " less each"
              : "decisions not worth at least " + Numbers.decimal(size) + " more each";
      default ->
          name(loss)
              + (rise ? " more than " : " not at least ")
              + Numbers.decimal(size)
              + (rise ? " higher" : " lower");
    };
  }

  static String name(Loss loss) {
    return loss == Loss.LOG ? "mean log loss" : "mean loss";
  }
}
