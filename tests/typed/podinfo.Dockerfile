# podinfo as its own image has it: the binary in the folder in which it is started.
FROM scratch
COPY podinfo /home/app/podinfo
WORKDIR /home/app
USER 65532:65532
EXPOSE 9898
CMD ["./podinfo"]
