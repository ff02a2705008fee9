package dev.understudy.launcher.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The arrows of the house, as rules over the packages below a root. The root is a parameter so that
 * a small model house with deliberate violations can show that each rule is able to fail.
 */
final class Arrows {

  /** The services: they meet on the wire, never in code. */
  private static final List<String> SERVICES =
      List.of("router", "modelserver", "comparator", "collector", "rollout");

  /** The layers of the router that one call passes; {@code stack} alone knows them all. */
  private static final List<String> LAYERS =
      List.of(
          "frontend",
          "auth",
          "admission",
          "validation",
          "split",
          "upstream",
          "guard",
          "mirror",
          "record",
          "trace",
          "accesslog",
          "patterns");

  /** Arithmetic that layers share; it knows none of them. */
  private static final List<String> SHARED = List.of("overload", "slices", "hash");

  private Arrows() {}

  static Map<String, ArchRule> below(String root) {
    Map<String, ArchRule> rules = new LinkedHashMap<>();
    List<String> all = new ArrayList<>(SERVICES);
    all.addAll(List.of("chassis", "evidence", "modelkit", "loadtest", "launcher"));

    for (String foundation : List.of("proto", "chassis", "modelkit")) {
      List<String> others = new ArrayList<>(all);
      others.add("proto");
      others.remove(foundation);
      rules.put(foundation + " stands on nothing of ours", apart(root, foundation, others));
    }
    rules.put("evidence stands on proto alone", apart(root, "evidence", without(all, "evidence")));
    for (String service : SERVICES) {
      List<String> others = new ArrayList<>(SERVICES);
      others.remove(service);
      others.addAll(List.of("launcher", "loadtest", "modelkit"));
      rules.put(service + " meets other services on the wire only", apart(root, service, others));
    }
    rules.put(
        "loadtest stands on proto and chassis",
        apart(root, "loadtest", without(all, "loadtest", "chassis")));
    for (String layer : LAYERS) {
      rules.put(
          "router." + layer + " knows no sibling",
          noClasses()
              .that()
              .resideInAPackage(root + ".router." + layer + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(
                  without(LAYERS, layer).stream()
                      .map(other -> root + ".router." + other + "..")
                      .toArray(String[]::new))
              .allowEmptyShould(true));
    }
    for (String shared : SHARED) {
      rules.put(
          "router." + shared + " knows no layer and no transport",
          noClasses()
              .that()
              .resideInAPackage(root + ".router." + shared + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(
                  Stream.concat(
                          LAYERS.stream().map(layer -> root + ".router." + layer + ".."),
                          Stream.of("io.grpc..", "io.netty.."))
                      .toArray(String[]::new))
              .allowEmptyShould(true));
    }
    // The frontend and the upstream are the transport's two ends; stack, control, admin and rpc
    // wire it. Beside the layers, call.Refusals names gRPC's codes, which are the protocol's words
    // for an answer that is none.
    for (String layer : without(LAYERS, "frontend", "upstream")) {
      rules.put(
          "router." + layer + " knows no transport",
          noClasses()
              .that()
              .resideInAPackage(root + ".router." + layer + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage("io.grpc..", "io.netty..")
              .allowEmptyShould(true));
    }
    for (String pure :
        List.of("evidence", "router.split", "router.hash", "router.overload", "rollout.policy")) {
      rules.put(
          pure + " is pure",
          noClasses()
              .that()
              .resideInAPackage(root + "." + pure + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(
                  "io.grpc..", "io.netty..", "java.nio.file..", "java.net..", "java.sql..")
              .orShould()
              .callMethod(System.class, "nanoTime")
              .orShould()
              .callMethod(System.class, "currentTimeMillis")
              .orShould()
              .dependOnClassesThat()
              .haveFullyQualifiedName("java.io.File")
              .allowEmptyShould(true));
    }
    return rules;
  }

  private static List<String> without(List<String> all, String... some) {
    List<String> rest = new ArrayList<>(all);
    rest.removeAll(List.of(some));
    return rest;
  }

  private static ArchRule apart(String root, String from, List<String> to) {
    return noClasses()
        .that()
        .resideInAPackage(root + "." + from + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            to.stream().map(other -> root + "." + other + "..").toArray(String[]::new))
        .allowEmptyShould(true);
  }
}
