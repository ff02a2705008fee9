package dev.understudy.modelkit.data;

import dev.understudy.modelkit.data.Column.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Generated card payments, some of them fraudulent.
 *
 * <p>A payment is drawn first, then how likely it is a fraud, then whether it is one. The
 * likelihood has a part that is linear in the columns and six <em>schemes</em>, each a conjunction
 * of harmless facts: many payments in an hour are nothing, small payments are nothing, many small
 * payments in an hour are somebody trying stolen cards. A linear model sees only the facts; a tree
 * can see the schemes. So the better model is better for a reason that exists outside of this class
 * as well.
 *
 * <p>What turned out to be true is known for <em>every</em> case after some days. The delay does
 * not depend on the case: those whose outcome is known at some moment are a fair sample of all.
 *
 * <p>Everything follows from the seed, on every machine ({@link StrictMath} only).
 */
public final class CardFraud {
  /** Changes when the same seed would give other cases. */
  public static final int GENERATION = 1;

  /** Number of merchant categories that occur in training, coded 0 to 19. */
  public static final int KNOWN_CATEGORIES = 20;

  /** Number of merchant categories that came up later, coded 20 to 23. */
  public static final int NEW_CATEGORIES = 4;

  private static final List<Column> COLUMNS =
      List.of(
          new Column("amount", Kind.SKEWED, 0, 50_000, false),
          new Column("merchant_category", Kind.CATEGORY, 0, KNOWN_CATEGORIES - 1, false),
          new Column("country_risk", Kind.NUMBER, 0, 1, false),
          new Column("hour", Kind.NUMBER, 0, 23, false),
          new Column("day_of_week", Kind.NUMBER, 0, 6, false),
          new Column("velocity_1h", Kind.SKEWED, 0, 60, false),
          new Column("velocity_24h", Kind.SKEWED, 0, 300, false),
          new Column("spend_24h", Kind.SKEWED, 0, 500_000, false),
          new Column("amount_to_mean", Kind.SKEWED, 0, 1_000, false),
          new Column("device_age_days", Kind.SKEWED, 0, 3_000, true),
          new Column("distance_km", Kind.SKEWED, 0, 20_000, true),
          new Column("minutes_since_last", Kind.SKEWED, 0, 100_000, false),
          new Column("card_age_days", Kind.SKEWED, 0, 4_000, false),
          new Column("account_age_days", Kind.SKEWED, 0, 12_000, false),
          new Column("email_age_days", Kind.SKEWED, 0, 9_000, true),
          new Column("ip_risk", Kind.NUMBER, 0, 1, true),
          new Column("card_present", Kind.FLAG, 0, 1, false),
          new Column("cross_border", Kind.FLAG, 0, 1, false),
          new Column("currency_mismatch", Kind.FLAG, 0, 1, false),
          new Column("address_match", Kind.NUMBER, 0, 1, true),
          new Column("failed_pins_24h", Kind.SKEWED, 0, 20, false),
          new Column("merchant_risk", Kind.NUMBER, 0, 1, false),
          new Column("merchant_age_days", Kind.SKEWED, 0, 10_000, false),
          new Column("basket_items", Kind.SKEWED, 1, 60, false),
          new Column("prior_chargebacks", Kind.SKEWED, 0, 20, false),
          new Column("credit_utilisation", Kind.NUMBER, 0, 1, true));

  private CardFraud() {}

  /** The columns, in the order in which the values of a case stand. */
  public static List<Column> columns() {
    return COLUMNS;
  }

  /**
   * Place of a column.
   *
   * @throws IllegalArgumentException if there is no column of this name
   */
  public static int index(String name) {
    for (int i = 0; i < COLUMNS.size(); i++) {
      if (COLUMNS.get(i).name().equals(name)) {
        return i;
      }
    }
    throw new IllegalArgumentException("no column " + name + " among " + COLUMNS);
  }

  /**
   * One payment.
   *
   * @param features one value per {@linkplain CardFraud#columns() column}; NaN where it is missing
   * @param fraud what it turned out to be
   * @param outcomeDelayDays after how many days that is known, 1 to 12
   */
  @SuppressWarnings("ArrayRecordComponent") // a row for a tensor; nobody compares cases
  public record Case(float[] features, boolean fraud, int outcomeDelayDays) {}

  /** Endless payments of one seed. Not for use by several threads. */
  public static final class Stream {
    private final SplittableRandom random;
    private final double newCategoryShare;

    private Stream(long seed, double newCategoryShare) {
      this.random = new SplittableRandom(seed);
      this.newCategoryShare = newCategoryShare;
    }

    /** The next payment. */
    public Case next() {
      return next(newCategoryShare);
    }

    /**
     * The next payment, as if the stream had been made with this share. Payments of known
     * categories do not depend on the share, so a world can begin to change in the middle of a
     * stream.
     *
     * @param newCategoryShare from 0 to 1
     */
    public Case next(double newCategoryShare) {
      return new Draw(random).payment(requireShare(newCategoryShare));
    }
  }

  /** Endless payments as they occur in training. */
  public static Stream stream(long seed) {
    return stream(seed, 0);
  }

  /**
   * Endless live payments, of which a share comes from merchant categories that training never saw.
   *
   * @param newCategoryShare from 0 to 1
   */
  public static Stream stream(long seed, double newCategoryShare) {
    return new Stream(seed, requireShare(newCategoryShare));
  }

  private static double requireShare(double share) {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException(
          "share of new categories is " + share + ", expected 0 to 1");
    }
    return share;
  }

  /** The first payments of a seed as a table. */
  public static Table table(long seed, int rows) {
    var stream = stream(seed);
    var cases = new ArrayList<Case>(rows);
    for (int i = 0; i < rows; i++) {
      cases.add(stream.next());
    }
    return Table.of(cases);
  }
}
