package dev.spikewise.web;

import io.swagger.v3.oas.annotations.Parameter;
import io.swagger.v3.oas.annotations.enums.ParameterIn;
import io.swagger.v3.oas.annotations.media.Schema;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks an operation whose response can be reduced to the fields that the parameter {@code fields}
 * names.
 */
@Parameter(
    name = SelectableFields.PARAMETER,
    in = ParameterIn.QUERY,
    description =
        "Names of the fields to return, separated by commas, such as id,status,latest.synops; all"
            + " when absent. In a list they apply to each entry.",
    schema = @Schema(type = "string"))
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface SelectableFields {
  String PARAMETER = "fields";
}
