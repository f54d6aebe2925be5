package dev.spikewise;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.core.domain.JavaModifier.SYNTHETIC;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.codeUnits;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.modulith.core.ApplicationModuleDetectionStrategy;
import org.springframework.modulith.core.ApplicationModuleInformation;
import org.springframework.modulith.core.ApplicationModules;
import org.springframework.modulith.core.JavaPackage;
import org.springframework.modulith.core.NamedInterfaces;
import org.springframework.stereotype.Component;

/**
 * Checks that imports between packages go in one direction only: requests (spec), engine (snn),
 * life cycle (job), interfaces.
 */
@AnalyzeClasses(packagesOf = SpikewiseApplication.class, importOptions = DoNotIncludeTests.class)
class ArchitectureTest {

  private static final String[] STORED = {
    "job", "model", "dataset", "sweep", "search", "webhook", "retention"
  };
  private static final String[] VIEWS = {"web", "openapi", "api", "telemetry", "dashboard", "cli"};

  @Test
  void modulesKeepTheirInnerPackagesToThemselvesAndHaveNoCycles() {
    ApplicationModules.of(SpikewiseApplication.class).verify();
  }

  @ArchTest
  static final ArchRule problemsKnowNothingElse =
      only("problem", within("problem"), resideInAnyPackage("com.fasterxml.jackson.annotation"));

  @ArchTest
  static final ArchRule specIsRecordsAlone =
      only(
          "spec",
          within("spec", "problem"),
          resideInAnyPackage("com.fasterxml.jackson.annotation"));

  @ArchTest
  static final ArchRule engineIsPureJava =
      only(
          "snn",
          within("snn", "spec", "problem"),
          resideInAnyPackage("org.nd4j..", "org.bytedeco.."));

  @ArchTest
  static final ArchRule kernelsKnowOnlyArraysAndNouns =
      only(
          "snn.kernel",
          within("snn.kernel", "spec", "problem"),
          resideInAnyPackage("org.nd4j..", "org.bytedeco.."));

  /** How its processes reach each other is known outside of the engine. */
  @ArchTest
  static final ArchRule worldKnowsOnlyTheOrderOfSums =
      onlyOfOurs("snn.world", "snn.world", "snn.kernel", "spec", "problem");

  @ArchTest static final ArchRule mpiKnowsOnlyTheWorldItIs = onlyOfOurs("mpi", "mpi", "snn.world");

  @ArchTest
  static final ArchRule neuronsKnowOnlyKernelsAndData =
      onlyOfOurs(
          "snn.neuron", "snn.neuron", "snn.kernel", "snn.data", "snn.tensor", "spec", "problem");

  @ArchTest
  static final ArchRule dataKnowsOnlyKernelsAndNouns =
      onlyOfOurs("snn.data", "snn.data", "snn.tensor", "snn.kernel", "spec", "problem");

  @ArchTest
  static final ArchRule nd4jIsKnownToItsKernelsAlone =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.spikewise.snn.kernel.nd4j")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.nd4j..", "org.bytedeco..");

  @ArchTest
  static final ArchRule vectorApiIsKnownToTheKernelsAlone =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.spikewise.snn.kernel.vector")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("jdk.incubator.vector..");

  /** Or trainings could not start where Java has no Vector API: only the engine may choose it. */
  @ArchTest
  static final ArchRule vectorKernelsAreLoadedByTheEngineAlone =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName("dev.spikewise.snn.Engine")
          .and()
          .resideOutsideOfPackage("dev.spikewise.snn.kernel.vector")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.spikewise.snn.kernel.vector");

  @ArchTest
  static final ArchRule kernelsButTheVectorOnesLoadWithoutTheVectorApi =
      noClasses()
          .that()
          .resideInAPackage("dev.spikewise.snn.kernel")
          .should()
          .transitivelyDependOnClassesThat()
          .resideInAPackage("jdk.incubator.vector..");

  @ArchTest
  static final ArchRule engineHasNoCycles =
      slices().assignedFrom(packages("dev.spikewise.snn")).should().beFreeOfCycles();

  /** Kernels take arrays with offsets; the constructor of a record has its components. */
  @ArchTest
  static final ArchRule methodsHaveAtMostEightParameters =
      codeUnits()
          .that()
          .areDeclaredInClassesThat()
          .resideOutsideOfPackage("dev.spikewise.snn.kernel..")
          .and(
              describe(
                  "are no constructors of records or of beans",
                  unit ->
                      !unit.isConstructor()
                          || !unit.getOwner().isRecord()
                              && !unit.getOwner().isMetaAnnotatedWith(Component.class)))
          .and(describe("are written by hand", unit -> !unit.getModifiers().contains(SYNTHETIC)))
          .should(haveAtMostEightParameters());

  @ArchTest
  static final ArchRule interopKnowsOnlyNounsAndEngine =
      onlyOfOurs("interop", "interop", "json", "snn", "spec", "problem");

  @ArchTest
  static final ArchRule jsonKnowsOnlyNouns = onlyOfOurs("json", "json", "spec", "problem");

  @ArchTest
  static final ArchRule chipKnowsOnlyNouns = onlyOfOurs("chip", "chip", "spec", "problem");

  @ArchTest static final ArchRule storeKnowsNoResource = onlyOfOurs("store", "store", "problem");

  @ArchTest
  static final ArchRule storedResourcesKnowNoView =
      noClasses()
          .that(within(STORED))
          .should()
          .dependOnClassesThat(within(VIEWS))
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule viewsKnowNoEngine =
      noClasses().that(within(VIEWS)).should().dependOnClassesThat(within("snn"));

  @ArchTest
  static final ArchRule viewsDoNotKnowEachOther =
      slices()
          .matching("dev.spikewise.(api|openapi|telemetry|dashboard|cli)..")
          .should()
          .notDependOnEachOther();

  private static ArchRule only(
      String place, DescribedPredicate<JavaClass> ours, DescribedPredicate<JavaClass> libraries) {
    return classes()
        .that(within(place))
        .should()
        .onlyDependOnClassesThat(
            ours.or(libraries)
                .or(resideInAnyPackage("java..", "jdk.incubator.vector..", "org.jspecify..")))
        .allowEmptyShould(true);
  }

  private static ArchRule onlyOfOurs(String place, String... ours) {
    return classes()
        .that(within(place))
        .should()
        .onlyDependOnClassesThat(within(ours).or(resideOutsideOfPackages("dev.spikewise..")))
        .allowEmptyShould(true);
  }

  private static ArchCondition<JavaCodeUnit> haveAtMostEightParameters() {
    return new ArchCondition<>("have at most eight parameters") {
      @Override
      public void check(JavaCodeUnit unit, ConditionEvents events) {
        int count = unit.getRawParameterTypes().size();
        if (count > 8) {
          events.add(
              SimpleConditionEvent.violated(
                  unit, unit.getFullName() + " has " + count + " parameters"));
        }
      }
    };
  }

  /** Every package is a slice, a base package like those below it. */
  private static SliceAssignment packages(String base) {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass type) {
        String name = type.getPackageName();
        return name.equals(base) || name.startsWith(base + ".")
            ? SliceIdentifier.of(name)
            : SliceIdentifier.ignore();
      }

      @Override
      public String getDescription() {
        return "packages of " + base;
      }
    };
  }

  private static DescribedPredicate<JavaClass> within(String... places) {
    return resideInAnyPackage(
        Arrays.stream(places).map(place -> "dev.spikewise." + place + "..").toArray(String[]::new));
  }

  /**
   * Data sets are part of the engine's API beside its base package; the engine itself stays free of
   * annotations.
   */
  static class Interfaces implements ApplicationModuleDetectionStrategy {

    @Override
    public Stream<JavaPackage> getModuleBasePackages(JavaPackage root) {
      return ApplicationModuleDetectionStrategy.directSubPackage().getModuleBasePackages(root);
    }

    @Override
    public NamedInterfaces detectNamedInterfaces(
        JavaPackage base, ApplicationModuleInformation module) {
      return NamedInterfaces.of(base, module)
          .and(
              NamedInterfaces.builder(base)
                  .matching("data", "events", "tensor", "nir", "layer", "transform", "world")
                  .build());
    }
  }
}
