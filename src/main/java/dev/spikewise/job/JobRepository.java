package dev.spikewise.job;

import jakarta.persistence.LockModeType;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.JpaSpecificationExecutor;
import org.springframework.data.jpa.repository.Lock;
import org.springframework.data.jpa.repository.NativeQuery;
import org.springframework.data.jpa.repository.Query;

interface JobRepository extends JpaRepository<JobRow, UUID>, JpaSpecificationExecutor<JobRow> {

  @Lock(LockModeType.PESSIMISTIC_WRITE)
  @Query("select j from JobRow j where j.id = :id")
  Optional<JobRow> lock(UUID id);

  @Lock(LockModeType.PESSIMISTIC_WRITE)
  @Query("select j from JobRow j where j.id = :id and j.leaseOwner = :owner and j.fence = :fence")
  Optional<JobRow> lockLeased(UUID id, String owner, long fence);

  @NativeQuery(
      """
      select * from job where status = 'QUEUED' and memory_bytes <= :memory
      order by due_at, number limit 1 for update skip locked\
      """)
  Optional<JobRow> lockNext(long memory);

  @NativeQuery(
      """
      select * from job where status = 'QUEUED' and memory_bytes <= :memory and tenant not in (:tenants)
      order by due_at, number limit 1 for update skip locked\
      """)
  Optional<JobRow> lockNextOfOthers(long memory, Collection<String> tenants);

  @NativeQuery(
      """
      select * from job where lease_until < :now and status in ('RUNNING', 'PAUSING', 'CANCELLING')
      for update skip locked\
      """)
  List<JobRow> lockExpired(Instant now);

  @Query(
      """
      select count(j) from JobRow j where j.status = JobState.QUEUED
      and (j.dueAt < :dueAt or j.dueAt = :dueAt and j.number < :number)\
      """)
  long countAhead(Instant dueAt, long number);

  List<JobRow> findByStatusNotIn(Collection<JobState> statuses);

  boolean existsByModelIdAndStatusNotIn(String modelId, Collection<JobState> statuses);

  long countByStatus(JobState status);

  @Query("select min(j.updatedAt) from JobRow j where j.status = :status")
  Optional<Instant> findOldest(JobState status);
}
