package dev.understudy.router.admission;

import dev.understudy.chassis.config.Section;
import dev.understudy.router.call.Criticality;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What holds for principals: for everybody, or for one of them. What one has of its own replaces
 * what everybody has, quota by quota.
 *
 * @param whole over all models and methods
 * @param models at one model
 * @param methods by one method
 * @param criticality the class of calls that do not say; null where nothing is said
 * @param highest the highest class that may be claimed; null where nothing is said
 */
public record PrincipalLimits(
    QuotaPair whole,
    Map<String, QuotaPair> models,
    Map<Method, QuotaPair> methods,
    @Nullable Criticality criticality,
    @Nullable Criticality highest) {
  /** Nothing at all. */
  public static final PrincipalLimits NONE =
      new PrincipalLimits(QuotaPair.NONE, Map.of(), Map.of(), null, null);

  /** Copies both maps. */
  public PrincipalLimits {
    models = Map.copyOf(models);
    methods = Map.copyOf(methods);
  }

  /** Reads what a section says for everybody: quotas alone. */
  static PrincipalLimits everybody(Section section) {
    return read(section, null, null);
  }

  /** Reads what a section says for one principal. */
  static PrincipalLimits one(Section section) {
    return read(section, choice(section, "criticality"), choice(section, "highestCriticality"));
  }

  private static PrincipalLimits read(
      Section section, @Nullable Criticality criticality, @Nullable Criticality highest) {
    Map<String, QuotaPair> models = new LinkedHashMap<>();
    section
        .namedSections("models")
        .forEach((name, model) -> models.put(name, QuotaPair.required(model)));
    Map<Method, QuotaPair> methods = new EnumMap<>(Method.class);
    Section byMethod = section.section("methods");
    put(methods, Method.INFER, byMethod.section("infer"));
    put(methods, Method.STREAM, byMethod.section("stream"));
    put(methods, Method.METADATA, byMethod.section("metadata"));
    return new PrincipalLimits(QuotaPair.read(section), models, methods, criticality, highest);
  }

  private static void put(Map<Method, QuotaPair> methods, Method method, Section section) {
    QuotaPair pair = QuotaPair.read(section);
    if (!pair.equals(QuotaPair.NONE)) {
      methods.put(method, pair);
    }
  }

  private static @Nullable Criticality choice(Section section, String key) {
    return section.has(key) ? section.choice(key, Criticality.class, Criticality.DEFAULT) : null;
  }

  boolean hasQuotas() {
    return !whole.equals(QuotaPair.NONE) || !models.isEmpty() || !methods.isEmpty();
  }
}
