package dev.understudy.launcher.architecture;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The house as it is keeps every arrow, and a house that does not is found out. */
class ArrowsTest {

  private static final JavaClasses HOUSE =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.understudy");

  @TestFactory
  Stream<DynamicTest> theHouseKeepsEveryArrow() {
    return Arrows.below("dev.understudy").entrySet().stream()
        .map(rule -> DynamicTest.dynamicTest(rule.getKey(), () -> rule.getValue().check(HOUSE)));
  }

  @Test
  void theRulesSeeTheWholeHouse() {
    for (String module :
        new String[] {
          "proto",
          "chassis",
          "evidence",
          "modelkit",
          "modelserver",
          "router",
          "comparator",
          "collector",
          "rollout",
          "loadtest",
          "launcher"
        }) {
      assertTrue(
          HOUSE.stream().anyMatch(c -> c.getPackageName().startsWith("dev.understudy." + module)),
          module);
    }
  }

  @Test
  void aReversedArrowIsFoundOut() {
    String root = "dev.understudy.launcher.architecture.crooked";
    JavaClasses crooked = new ClassFileImporter().importPackages(root);
    Map<String, ArchRule> rules = Arrows.below(root);
    for (String broken :
        new String[] {
          "chassis stands on nothing of ours",
          "router meets other services on the wire only",
          "router.split knows no sibling",
          "router.split knows no transport",
          "router.split is pure"
        }) {
      assertTrue(rules.get(broken).evaluate(crooked).hasViolation(), broken);
    }
    assertFalse(rules.get("evidence stands on proto alone").evaluate(crooked).hasViolation());
  }
}
