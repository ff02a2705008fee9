package dev.understudy.router.admission;

import dev.understudy.chassis.config.Section;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.overload.ClassShares;
import org.jspecify.annotations.Nullable;

/**
 * Classes of calls.
 *
 * @param standard the class of calls that do not say
 * @param highest the highest class that principals may claim when nothing else is said of them
 * @param shares how full the budgets may be for each class
 */
public record CriticalitySettings(Criticality standard, Criticality highest, ClassShares shares) {
  static @Nullable CriticalitySettings read(Section limits) {
    Section section = limits.section("criticality");
    Criticality standard = section.choice("standard", Criticality.class, Criticality.DEFAULT);
    Criticality highest = section.choice("highest", Criticality.class, Criticality.DEFAULT);
    double sheddable = section.ratio("sheddableUpTo", 0.7);
    double middle = section.ratio("defaultUpTo", 0.9);
    if (!limits.has("criticality")) {
      return null;
    }
    if (!(sheddable > 0 && sheddable <= middle)) {
      section.problem("sheddableUpTo", sheddable + " (expected: above 0, and at most defaultUpTo)");
      return null;
    }
    return new CriticalitySettings(standard, highest, new ClassShares(sheddable, middle));
  }
}
