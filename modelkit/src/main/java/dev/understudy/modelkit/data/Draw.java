package dev.understudy.modelkit.data;

import java.util.SplittableRandom;

/** Draws one payment: the facts, the schemes they make up, the outcome. */
final class Draw {
  /** Typical amount by category, as natural logarithm; and how risky the category is by itself. */
  private static final double[] LOG_AMOUNT = {
    2.2, 3.1, 3.9, 4.4, 2.8, 5.2, 3.4, 2.5, 4.9, 3.0, 3.7, 4.1, 2.4, 5.6, 3.3, 2.9, 4.6, 3.5, 2.7,
    4.0
  };

  private static final double[] CATEGORY_RISK = {
    -.3, -.2, .1, .5, -.4, .3, 0, -.3, .7, -.1, .2, .4, -.5, .6, 0, -.2, .8, .1, -.4, .3
  };

  /** What can be turned into money at once: jewellery, vouchers, electronics, and the like. */
  private static final long EASY_TO_RESELL = 1L << 3 | 1L << 8 | 1L << 11 | 1L << 13 | 1L << 16;

  private final SplittableRandom random;

  Draw(SplittableRandom random) {
    this.random = random;
  }

  CardFraud.Case payment(double newCategoryShare) {
    boolean present = chance(.42);
    boolean travelling = chance(.1);
    boolean busy = chance(.14);
    int category = category();
    int newCategory = CardFraud.KNOWN_CATEGORIES + random.nextInt(CardFraud.NEW_CATEGORIES);
    boolean newcomer = chance(newCategoryShare);

    double usual = StrictMath.exp(LOG_AMOUNT[category] + .5 * gaussian());
    double ratio = StrictMath.exp(.9 * gaussian());
    double amount = clamp(cents(usual * ratio), .5, 50_000);
    double velocity1h = poisson(busy ? 4.5 : .5);
    double velocity24h = velocity1h + poisson(busy ? 5 : 2);
    double spend24h = cents(amount + velocity24h * usual * StrictMath.exp(.4 * gaussian()));
    double sinceLast = clamp(exponential(velocity1h > 0 ? 60 / (1 + velocity1h) : 900), 0, 100_000);
    int hour = hour();
    double countryRisk = cube(random.nextDouble());
    boolean crossBorder = chance(travelling ? .7 : .12);
    boolean currencyMismatch = chance(travelling ? .6 : .14);
    double distance = clamp(StrictMath.exp((travelling ? 6.2 : 2.4) + 1.3 * gaussian()), 0, 20_000);
    double cardAge = clamp(exponential(700), 0, 4_000);
    double accountAge = clamp(cardAge * random.nextDouble() + exponential(1_100), 0, 12_000);
    double deviceAge = chance(.18) ? exponential(3) : clamp(exponential(300), 0, 3_000);
    double emailAge = clamp(exponential(900), 0, 9_000);
    double ipRisk = random.nextDouble() * random.nextDouble() + (chance(.15) ? .3 : 0);
    ipRisk = clamp(ipRisk, 0, 1);
    double addressMatch = chance(.75) ? 1 : chance(.5) ? .5 : 0;
    double failedPins = poisson(.12);
    double merchantRisk = clamp(square(random.nextDouble()) + .15 * CATEGORY_RISK[category], 0, 1);
    double merchantAge = clamp(exponential(chance(.2) ? 60 : 1_500), 0, 10_000);
    double items = 1 + poisson(2.2);
    double chargebacks = poisson(.06);
    double utilisation = clamp(.35 + .28 * gaussian(), 0, 1);
    boolean night = hour <= 5;
    boolean resell = (EASY_TO_RESELL >> category & 1) == 1;

    // What a payment says about itself, one fact at a time.
    double linear =
        .9 * countryRisk
            + .8 * CATEGORY_RISK[category]
            + .8 * merchantRisk
            + .7 * ipRisk
            + .5 * (1 - addressMatch)
            + .5 * failedPins
            + .6 * chargebacks
            + .35 * StrictMath.log(ratio)
            + .1 * velocity1h
            - .15 * StrictMath.log1p(deviceAge / 10)
            - (present ? .5 : 0);

    // What only several facts together say; 0 to 1.
    double scheme = 0;
    // Stolen numbers are tried out with many small payments.
    scheme = Math.max(scheme, above(velocity1h, 3.5, 6) * above(-amount, -10, 1));
    // An old account is taken over from a new device and spends more than it ever did.
    scheme =
        Math.max(
            scheme,
            (present ? 0 : 1)
                * above(-deviceAge, -5, 2)
                * above(accountAge, 1_000, .02)
                * above(ratio, 1.7, 5));
    // A card cannot be in two places within the hour.
    scheme = Math.max(scheme, above(distance, 450, .03) * above(-sinceLast, -40, .3));
    // Country and currency that do not go together, through a bad address; both or none are fine.
    scheme = Math.max(scheme, (crossBorder != currencyMismatch ? 1 : 0) * above(ipRisk, .68, 40));
    // At night, what can be resold, for a good sum.
    scheme = Math.max(scheme, (night && resell ? 1 : 0) * above(amount, 90, .15));
    // A young and dubious merchant that sells one thing at a time.
    scheme =
        Math.max(
            scheme,
            above(-merchantAge, -60, .15) * above(merchantRisk, .52, 40) * (items <= 2 ? 1 : 0));

    double logit = -8.0 + 1.5 * linear + 6.6 * scheme;
    boolean fraud = chance(1 / (1 + StrictMath.exp(-logit)));
    int delay = 1 + (int) Math.min(11, exponential(2.5));

    boolean noDevice = present || chance(.05);
    float[] features = {
      (float) amount,
      newcomer ? newCategory : category,
      (float) countryRisk,
      hour,
      random.nextInt(7),
      (float) velocity1h,
      (float) velocity24h,
      (float) spend24h,
      (float) ratio,
      noDevice ? Float.NaN : (float) deviceAge,
      chance(.06) ? Float.NaN : (float) distance,
      (float) sinceLast,
      (float) cardAge,
      (float) accountAge,
      chance(.2) ? Float.NaN : (float) emailAge,
      chance(.05) ? Float.NaN : (float) ipRisk,
      present ? 1 : 0,
      crossBorder ? 1 : 0,
      currencyMismatch ? 1 : 0,
      present ? Float.NaN : (float) addressMatch,
      (float) failedPins,
      (float) merchantRisk,
      (float) merchantAge,
      (float) items,
      (float) chargebacks,
      chance(.12) ? Float.NaN : (float) utilisation,
    };
    return new CardFraud.Case(features, fraud, delay);
  }

  /** A soft step: 0 well below the edge, 1 well above it. */
  private static double above(double value, double edge, double steepness) {
    return 1 / (1 + StrictMath.exp(-steepness * (value - edge)));
  }

  private boolean chance(double probability) {
    return random.nextDouble() < probability;
  }

  /** Low codes are common, high codes rare. */
  private int category() {
    return (int) (CardFraud.KNOWN_CATEGORIES * StrictMath.pow(random.nextDouble(), 1.25));
  }

  private int hour() {
    return chance(.15) ? random.nextInt(24) : (int) clamp(14 + 4.5 * gaussian(), 0, 23);
  }

  private double exponential(double mean) {
    return -mean * StrictMath.log(1 - random.nextDouble());
  }

  /** Box and Muller 1958: the library's own may differ between platforms. */
  private double gaussian() {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
    return radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
  }

  /** Knuth's product of uniforms: means are small here. */
  private int poisson(double mean) {
    double limit = StrictMath.exp(-mean);
    int count = 0;
    for (double p = random.nextDouble(); p > limit; p *= random.nextDouble()) {
      count++;
    }
    return count;
  }

  private static double cents(double amount) {
    return Math.rint(amount * 100) / 100;
  }

  private static double square(double x) {
    return x * x;
  }

  private static double cube(double x) {
    return x * x * x;
  }

  private static double clamp(double value, double min, double max) {
    return Math.clamp(value, min, max);
  }
}
