package dev.spikewise;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * A test that is skipped, with the command that installs what is missing, on a machine without
 * these parts. With {@code -Dspikewise.tests.complete=true} it fails there instead.
 */
@ExtendWith(Needs.Condition.class)
@Inherited
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.ANNOTATION_TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface Needs {

  Part[] value();

  /** Evaluated before the test's class is prepared, and so before a Spring context starts. */
  class Condition implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      var needs = AnnotationSupport.findAnnotation(context.getElement(), Needs.class);
      for (Part part : needs.map(Needs::value).orElse(new Part[0])) {
        if (part.isMissing()) {
          var reason = name(context) + " needs " + part.howToInstall();
          if (Boolean.getBoolean("spikewise.tests.complete")) {
            throw new AssertionError(reason);
          }
          System.err.println("Skipped: " + reason);
          return ConditionEvaluationResult.disabled(reason);
        }
      }
      return ConditionEvaluationResult.enabled("nothing is missing");
    }

    private static String name(ExtensionContext context) {
      var test = context.getRequiredTestClass().getSimpleName();
      return context.getTestMethod().map(method -> test + "." + method.getName()).orElse(test);
    }
  }
}
